//! Who we are in an environment, whether that is the right account, and what time it is there.

use tokio::time::timeout;

use super::{PATIENCE, failed};
use crate::{
    backend::aws::{AwsSession, CallerIdentity, IdentityError},
    manifest::Environment,
    plan::doctor::{self, Check, Finding, Grade},
};

/// Asks who we are. Also tells whether that lets us in.
pub(super) async fn enter(environment: &Environment, session: &AwsSession) -> (Vec<Finding>, bool) {
    let asked = timeout(PATIENCE, session.identity()).await;
    let clock = doctor::clock(session.clock_ahead());
    let mut findings = match asked {
        Ok(Ok(identity)) => welcome(environment, (session, identity)).await,
        Ok(Err(IdentityError::WrongAccount { expected, found, arn })) => {
            let sign_in = session.sign_in().await;
            vec![
                doctor::credentials(&arn, sign_in.as_ref()),
                doctor::account(&environment.id, Some(&expected), (&found, &arn)),
            ]
        }
        // A clock that is off is one thing to mend, and not two.
        Ok(Err(_)) if clock.as_ref().is_some_and(|clock| clock.grade == Grade::Fail) => {
            vec![Finding::skipped(
                Check::Credentials,
                "not known: AWS refuses what this clock signs",
            )]
        }
        Ok(Err(error)) => vec![failed(Check::Credentials, &error.into())],
        Err(_late) => {
            let text = format!("AWS does not say within {} s who we are", PATIENCE.as_secs());
            let fix = "check the network, the region's name and `HTTPS_PROXY`".to_owned();
            vec![Finding::fail(Check::Credentials, text, Some(fix))]
        }
    };
    let is_known = findings.iter().any(|finding| finding.check == Check::Account);
    let fails = findings.iter().any(|finding| finding.grade == Grade::Fail);
    findings.extend(clock);
    (findings, is_known && !fails)
}

/// Somebody whom AWS knows.
async fn welcome(
    environment: &Environment,
    (session, identity): (&AwsSession, &CallerIdentity),
) -> Vec<Finding> {
    let sign_in = session.sign_in().await;
    let expected = environment.account.as_ref();
    let found = (&identity.account, identity.arn.as_str());
    vec![
        doctor::credentials(&identity.arn, sign_in.as_ref()),
        doctor::account(&environment.id, expected, found),
    ]
}

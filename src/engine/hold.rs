//! What a deployment does to the hold of its environment: written once the deployment is recorded,
//! and before its first effect.

use super::Engine;
use crate::{
    backend::store::StoreError,
    model::{Deployment, Event, Hold},
};

/// What becomes of the hold of an environment when a deployment begins.
#[derive(Debug, Clone)]
pub enum HoldChange {
    /// It is put on hold: what goes back by hand stays where it is, even if its command dies.
    Set {
        /// Why.
        reason: String,
    },
    /// The hold that was seen is lifted; another that was set meanwhile stays.
    Lift {
        /// The hold.
        seen: Box<Hold>,
        /// Why.
        reason: String,
    },
}

impl Engine<'_> {
    /// Changes the hold of a recorded deployment's environment. That it cannot be written is told,
    /// and stops nothing.
    pub(super) async fn change_hold(&self, deployment: &Deployment, change: &HoldChange) {
        let changed = match change {
            HoldChange::Set { reason } => self.set_hold(deployment, reason).await,
            HoldChange::Lift { seen, reason } => {
                let Deployment { project, environment, actor, .. } = deployment;
                let place = (project, environment);
                self.ledger.lift_hold(place, seen, actor, reason).await.map(drop)
            }
        };
        if let Err(error) = changed {
            let text = format!("the hold of {} was not changed: {error}", deployment.environment);
            self.listener.hear(&Event::Warning { text });
        }
    }

    /// Puts the environment on hold.
    async fn set_hold(&self, deployment: &Deployment, reason: &str) -> Result<(), StoreError> {
        let hold = Hold {
            by: self.lease.by().clone(),
            reason: reason.to_owned(),
            at: (self.now)(),
            deployment: Some(deployment.number),
        };
        self.ledger.set_hold(&deployment.project, &deployment.environment, &hold).await
    }
}

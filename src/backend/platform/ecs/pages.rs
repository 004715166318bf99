//! Where AWS's console shows things. Addresses are those that the console itself shows.

use std::fmt::Write as _;

/// The account of AWS inside this program, of which no console knows.
const SANDBOX_ACCOUNT: &str = "000000000000";

/// The page of a service's deployments, told by the service's ARN.
pub(super) fn service_page(arn: &str) -> Option<String> {
    let (region, account, resource) = parts(arn)?;
    let (cluster, service) = resource.strip_prefix("service/")?.split_once('/')?;
    let host = host(region, account)?;
    Some(format!(
        "https://{host}/ecs/v2/clusters/{cluster}/services/{service}/deployments?region={region}"
    ))
}

/// The page of a log stream in a region.
pub(super) fn log_page(
    (region, account): (&str, &str),
    group: &str,
    stream: &str,
) -> Option<String> {
    let host = host(region, account)?;
    let (group, stream) = (twice_escaped(group), twice_escaped(stream));
    Some(format!(
        "https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/\
         log-events/{stream}"
    ))
}

/// The account of an ARN.
pub(super) fn account(arn: &str) -> &str {
    parts(arn).map_or("", |(_, account, _)| account)
}

/// Region, account and resource of an ARN.
fn parts(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':').skip(3);
    Some((parts.next()?, parts.next()?, parts.next()?))
}

/// The console's host for a region: each partition has its own (AWS General Reference).
fn host(region: &str, account: &str) -> Option<String> {
    if account == SANDBOX_ACCOUNT || account.is_empty() {
        return None;
    }
    let domain = if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else {
        "console.aws.amazon.com"
    };
    Some(format!("{region}.{domain}"))
}

/// A text as the address of a log stream has it: escaped, and its percent signs, too, with `$` for
/// the percent sign.
fn twice_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(escaped, "$25{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_console() {
        for (partition, region, host) in [
            ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
            ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
            ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ] {
            let arn = format!("arn:{partition}:ecs:{region}:111111111111:service/prod/web");
            let page = "ecs/v2/clusters/prod/services/web/deployments";
            assert_eq!(service_page(&arn), Some(format!("https://{host}/{page}?region={region}")));
        }
        assert_eq!(service_page("arn:aws:ecs:eu-west-1:000000000000:service/prod/web"), None);
    }

    #[test]
    fn log_streams_are_escaped_as_the_console_has_it() {
        let page = log_page(("eu-west-1", "111111111111"), "/ecs/web", "web/web/0a1b").unwrap();
        assert!(page.ends_with(
            "?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Fweb/log-events/\
             web$252Fweb$252F0a1b"
        ));
    }
}

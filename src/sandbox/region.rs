//! What a region's name tells: the partition it is in, and that partition's domain.

/// The partition, the second part of every ARN of the region.
pub(super) fn partition(region: &str) -> &'static str {
    match region.split('-').collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov", ..] => "aws-us-gov",
        _ => "aws",
    }
}

/// The domain below which the region's endpoints are.
pub(super) fn domain(region: &str) -> &'static str {
    if partition(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_the_partition_of_its_prefix() {
        for (region, expected) in [
            ("eu-west-1", ("aws", "amazonaws.com")),
            ("us-east-1", ("aws", "amazonaws.com")),
            ("us-gov-west-1", ("aws-us-gov", "amazonaws.com")),
            ("cn-north-1", ("aws-cn", "amazonaws.com.cn")),
        ] {
            assert_eq!((partition(region), domain(region)), expected, "{region}");
        }
    }
}

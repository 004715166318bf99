//! Regions: that of a profile, and what a misspelt one was probably meant to be.

use aws_config::{meta::region::ProvideRegion as _, profile::ProfileFileRegionProvider};

use crate::model::Region;

/// The regions of AWS (AWS General Reference, "Regions and endpoints"). One that is newer than this list
/// works all the same: the list only serves to find what a misspelt one was meant to be.
const REGIONS: [&str; 40] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-west-1",
    "us-west-2",
];
/// How many letters of a region may be wrong.
const MOST_WRONG: usize = 2;

/// The region that one of no known name was probably meant to be.
pub(super) fn meant(region: &Region) -> Option<&'static str> {
    let distance = |known: &&str| strsim::damerau_levenshtein(region.as_str(), known);
    let nearest = REGIONS.into_iter().min_by_key(distance)?;
    (1..=MOST_WRONG).contains(&distance(&nearest)).then_some(nearest)
}

/// The region that a profile of the shared configuration files names; nothing where there is no such
/// file, profile or region.
pub async fn profile_region(profile: Option<&str>) -> Option<Region> {
    let provider = ProfileFileRegionProvider::builder();
    let provider = match profile {
        Some(name) => provider.profile_name(name).build(),
        None => provider.build(),
    };
    Region::new(provider.region().await?.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_region_is_known_for_what_it_was_meant_to_be() {
        let cases =
            [("eu-wset-1", Some("eu-west-1")), ("eu-west-1", None), ("xx-nowhere-99", None)];
        for (region, wanted) in cases {
            assert_eq!(meant(&Region::new(region).unwrap()), wanted, "{region}");
        }
    }
}

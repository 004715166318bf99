//! The search indexer of the example project: the only service that shares no image with another.

use crate::support::{PROD, Shop};

/// Its deployment.
pub(crate) const INDEXER: &[&str] = &["deploy", "search-indexer", "prod", "-y"];
/// The way back without a question.
pub(crate) const BACK: &[&str] = &["rollback", "prod", "-y"];
/// What is told of it when ECS was asked to roll it back.
pub(crate) const ASKED: &str = "search-indexer: asked ECS to roll ecs-svc/";
/// The parameter of its image.
pub(crate) const PARAMETER: &str = "/bookshop/images/prod/search-indexer";

/// Pushes a new image of an image's repository, and registers it.
pub(crate) fn register_as(shop: &Shop, image: &str, tag: &str) -> String {
    let latest = shop.latest(image);
    let uri = format!("{}:{tag}", latest.rsplit_once(':').unwrap().0);
    shop.sandbox(&["set", "push-image", &uri]);
    shop.run(&["register", &uri, image]).expect(0);
    uri
}

/// Pushes a new image of it and registers it.
pub(crate) fn register(shop: &Shop, tag: &str) -> String {
    register_as(shop, "search-indexer", tag)
}

/// A project in whose production releases `r1`, `r2`, … of these tags were verified one by one.
pub(crate) fn with_releases(tags: &[&str]) -> Shop {
    let shop = Shop::new();
    for tag in tags {
        register(&shop, tag);
        shop.run(INDEXER).expect(0);
    }
    shop
}

/// The tag of its image in production, in step everywhere.
pub(crate) fn tag(shop: &Shop) -> String {
    shop.assert_in_step(&PROD[5]);
    shop.parameter(PARAMETER).unwrap().rsplit_once(':').unwrap().1.to_owned()
}

//! What the record has against an image is told before it is deployed again.

use crate::{
    indexer::{BACK, INDEXER, register, with_releases},
    support::{Run, Shop},
};

/// The plan of deploying the indexer to production, where that is on hold.
fn lifted(shop: &Shop) -> Run {
    let lift = ["--dry-run", "--release-hold", "--reason", "it is mended"];
    shop.run(&[&["deploy", "search-indexer", "prod"][..], &lift].concat()).expect(0)
}

/// Whether a plan has something against an image.
fn has_something_against_it(plan: &Run) -> bool {
    ["failed here", "was put back here", "went back from"]
        .iter()
        .any(|one| plan.stdout.contains(one))
}

#[test]
fn what_failed_is_told_with_its_cause() {
    let shop = Shop::new();
    shop.sandbox(&["fate", "search-indexer", "crash=3"]);
    shop.run(INDEXER).expect(3);
    let plan = ["deploy", "search-indexer", "prod", "--dry-run"];
    shop.run(&plan)
        .expect(0)
        .prints(
            "warning: `search-indexer` failed here with the same images: d1 of r1, ROLLED_BACK at",
        )
        .prints("Z: container search-indexer exited with 3")
        .prints("see that with `release-tool show d1`");
    register(&shop, "mended");
    assert!(!has_something_against_it(&shop.run(&plan).expect(0)));
}

#[test]
fn what_was_gone_back_from_is_told_when_the_hold_is_lifted() {
    let shop = with_releases(&["one", "two"]);
    shop.run(&["rollback", "prod", "-y", "--reason", "search is slow"]).expect(0);
    lifted(&shop)
        .prints(
            "warning: `search-indexer` gets the images of r2 again, which d3 went back from at ",
        )
        .prints("Z: search is slow")
        .prints("see how it was with `release-tool show d3`");
    register(&shop, "three");
    assert!(!has_something_against_it(&lifted(&shop)));
}

#[test]
fn what_was_taken_back_on_its_way_is_told() {
    let shop = with_releases(&["one"]);
    register(&shop, "two");
    shop.stand_still();
    let mut deploy = shop.start(INDEXER);
    deploy.hears("search-indexer: started ecs-svc/");
    deploy.signal("INT");
    deploy.end().expect(7);
    shop.go_fast();
    shop.run(BACK).expect(0);
    lifted(&shop).prints(
        "`search-indexer` was put back here with the same images: d2 of r2, ROLLED_BACK at ",
    );
}

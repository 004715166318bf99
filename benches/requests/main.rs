//! Counts the requests of real deployments in the sandbox, and holds them against their budget.
//!
//! Requests are the same on every machine, so they are what is checked: the program ends with 1
//! when a budget is exceeded. Times and memory are printed beside them as colour; those of an
//! unoptimised build are larger than those of a release.
//!
//! `cargo bench` builds for itself; `cargo test --bench requests` uses what `cargo test` has built.

mod count;
mod program;
mod run;
mod shop;

use std::{ffi::OsStr, io::Write as _, process::ExitCode, time::Duration};

use jiff::SignedDuration;
use release_tool::{
    backend::quotas::Rates,
    ops::loads,
    plan::doctor,
    sandbox::{FaultKind, RequestRecord},
};

use self::{
    count::{Phases, budget, by_operation, depth, first_budget},
    run::{Deployment, Place},
    shop::Shop,
};

/// What goes wrong in a benchmark is told and ends it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The most round trips that `status` may be deep.
const STATUS_DEPTH: usize = 4;
/// How much longer than the quotas allow the services may be told to move, as a ratio.
const QUOTA_RATIO: f64 = 1.1;
/// The latency that budgets are told for, in milliseconds.
const LATENCY: u32 = 60;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let mut budgets = Budgets::default();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(measure(&mut budgets)),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = ended {
        print(&format!("error: {error}"));
        return ExitCode::FAILURE;
    }
    if budgets.exceeded == 0 {
        return ExitCode::SUCCESS;
    }
    print(&format!("\n{} budgets are exceeded.", budgets.exceeded));
    ExitCode::FAILURE
}

/// How the budgets are held.
#[derive(Default)]
struct Budgets {
    /// How many are exceeded.
    exceeded: usize,
}

impl Budgets {
    /// Says whether a budget is held, and counts when it is not.
    fn judge(&mut self, is_held: bool) -> &'static str {
        if !is_held {
            self.exceeded += 1;
        }
        word(is_held)
    }
}

/// Prints a line. A reader that went away is no failure of the benchmark.
fn print(text: &str) {
    let written = writeln!(std::io::stdout(), "{text}");
    drop(written);
}

/// The word for a budget that is held, or not.
fn word(is_held: bool) -> &'static str {
    if is_held { "ok" } else { "OVER" }
}

/// Everything, in the order in which it is printed.
async fn measure(budgets: &mut Budgets) -> Outcome<()> {
    requests(budgets).await?;
    status(budgets).await?;
    starting().await?;
    quotas(budgets).await?;
    memory().await
}

/// Counts requests.
async fn requests(budgets: &mut Budgets) -> Outcome<()> {
    print(
        "Requests of a deployment: N services changed, R repositories, P looks at the rollouts, E of \
         them with ends.\n\
         The first deployment finds no record of what runs; the next has that of the first.\n\n\
         budget       4N + 2R + 3⌈N/10⌉ + ⌈N/50⌉ + 9 + (P + 2)⌈N/10⌉ + 4(E - 1)\n\
         first budget 4N + 2⌈N/10⌉ + 8 + P⌈N/10⌉ (told, not held)\n\n   \
         N    R            plan effects polls (P)  verify (E)  total  budget        first",
    );
    let mut operations = Vec::new();
    for services in [1, 10, 100] {
        for one_repository in [false, true] {
            if services == 1 && one_repository {
                continue;
            }
            let shop = Shop { services, one_repository };
            let place = Place::new(shop).await?;
            let first = place.deploy().await?;
            row(budgets, shop, "first", &first);
            shop.register(&place.sandbox, "v3")?;
            let next = place.deploy().await?;
            row(budgets, shop, "next", &next);
            operations.push((shop, first));
        }
    }
    print("\nThe first deployments by operation:\n");
    for (shop, deployment) in operations {
        let (n, r) = (shop.services, shop.repositories());
        print(&format!("{n:>4} {r:>4}  plan:   {}", list(&deployment.before)));
        print(&format!("           then:   {}", list(&deployment.after)));
    }
    Ok(())
}

/// One line of the table.
fn row(budgets: &mut Budgets, shop: Shop, which: &str, deployment: &Deployment) {
    let phases = Phases::of(deployment);
    let Phases { plan, effects, polls, verification, again } = phases;
    let (total, looks) = (phases.total(), deployment.looks);
    let (most, first) = (budget(deployment, shop), first_budget(deployment, shop));
    let verdict = budgets.judge(total <= most);
    let again =
        if again > 0 { format!("  ({again} to look the images up again)") } else { String::new() };
    print(&format!(
        "{:>4} {:>4}  {which:<8} {plan:>5} {effects:>7} {polls:>5} {:<4} {verification:>6} {:<4} \
         {total:>6} {most:>7} {verdict:<5} {first:>6} {:<5} {:.1} s{again}",
        shop.services,
        shop.repositories(),
        format!("({})", looks.all),
        format!("({})", looks.with_ends),
        word(total <= first),
        deployment.took.as_secs_f64(),
    ));
}

/// Requests by operation, in one line.
fn list(records: &[RequestRecord]) -> String {
    let counts = by_operation(records).into_iter();
    counts.map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Counts what `status` asks, and how often it waits.
async fn status(budgets: &mut Budgets) -> Outcome<()> {
    print(&format!("\nStatus of 100 services (at most {STATUS_DEPTH} round trips deep):\n"));
    let place = Place::new(Shop::of(100)).await?;
    for what in ["nothing recorded", "all recorded"] {
        // The longer the answers take, the less it matters that the sandbox handles one at a time.
        let latency = 1000;
        place.slow_down(latency)?;
        let (records, _) = place.status().await?;
        let deep = depth(&records, SignedDuration::from_millis(latency.into()));
        place.sandbox.clear_faults()?;
        place.slow_down(LATENCY)?;
        let (_, took) = place.status().await?;
        place.sandbox.clear_faults()?;
        let verdict = budgets.judge(deep <= STATUS_DEPTH);
        print(&format!(
            "{what:<18} {:>4} requests, {deep} deep {verdict:<5} {:.2} s at {LATENCY} ms    {}",
            records.len(),
            took.as_secs_f64(),
            list(&records),
        ));
        if what == "nothing recorded" {
            place.deploy().await?;
        }
    }
    Ok(())
}

/// Times how soon all services are told to move.
async fn starting() -> Outcome<()> {
    let place = Place::new(Shop::of(50)).await?;
    place.slow_down(LATENCY)?;
    let deployment = place.deploy().await?;
    let told = deployment.until_all_told().unwrap_or_default();
    // Ten services at a time, three requests each.
    let least = Duration::from_millis(LATENCY.into()) * 50_u32.div_ceil(10) * 3;
    print(&format!(
        "\n50 services at {LATENCY} ms a request: the last was told to move {:.2} s after the yes \
         (3 s are aimed at; the answers alone take {:.2} s).",
        told.as_secs_f64(),
        least.as_secs_f64(),
    ));
    Ok(())
}

/// Deploys under AWS's own quotas, paced as outside the sandbox.
async fn quotas(budgets: &mut Budgets) -> Outcome<()> {
    const SERVICES: usize = 100;
    let place = Place::under_quotas(Shop::of(SERVICES)).await?;
    // A step that fails ends the deployment, and with it the benchmark.
    let deployment = place.deploy().await?;
    let told = deployment.until_all_told().unwrap_or_default().as_secs_f64();
    // What `doctor` reckons with: registering task definitions, writing parameters, updating services.
    let least = doctor::least_seconds(&loads(&Rates::published(), SERVICES, SERVICES));
    let throttled = deployment
        .before
        .iter()
        .chain(&deployment.after)
        .filter(|record| record.entry.fault == Some(FaultKind::Quota))
        .count();
    let ratio = told / least;
    let verdict = budgets.judge(ratio <= QUOTA_RATIO);
    print(&format!(
        "{SERVICES} services under AWS's quotas: 0 failed steps, {throttled} requests throttled; the \
         last was told to move after {told:.1} s, {ratio:.2} times the least that the quotas allow \
         ({least:.1} s; at most {QUOTA_RATIO} times) {verdict}",
    ));
    Ok(())
}

/// Watches the program itself.
async fn memory() -> Outcome<()> {
    print("\nThe program itself (an unoptimised one, unless told otherwise):\n");
    let usage = program::deploy(Shop::of(100)).await?;
    if !usage.status.success() {
        return Err(format!("`deploy all` of 100 services ended with {}", usage.status).into());
    }
    print(&format!(
        "deploy all, N=100   {:>8.2} s   {}, {} of it data   (40 MiB are aimed at)",
        usage.took.as_secs_f64(),
        mebibytes(usage.peak),
        mebibytes(usage.data),
    ));
    for arguments in [&["--version"][..], &["--help"], &["completions", "bash"]] {
        let words: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let (mut least, mut peak) = (Duration::MAX, None);
        for _ in 0..20 {
            let usage = program::run(&words, None).await?;
            least = least.min(usage.took);
            peak = usage.peak.max(peak);
        }
        print(&format!(
            "{:<19} {:>8.1} ms  {}   (10 ms and 15 MiB are aimed at)",
            arguments.join(" "),
            least.as_secs_f64() * 1000.0,
            mebibytes(peak)
        ));
    }
    Ok(())
}

/// An amount of memory.
fn mebibytes(kibibytes: Option<u64>) -> String {
    let tenths = kibibytes.map(|amount| amount * 10 / 1024);
    tenths.map_or_else(|| "not known".to_owned(), |it| format!("{}.{} MiB", it / 10, it % 10))
}

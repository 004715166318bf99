//! Playing one scenario: what was seen, what was said, and when.

use std::{
    io::{BufRead as _, BufReader},
    panic::catch_unwind,
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use release_tool::backend::clock;
use serde_json::{Value, json};

use super::scenarios::Scenario;
use crate::support::{PATIENCE, Shop};

/// How much faster than the machine's the sandbox's clock goes.
pub(super) const SPEED: i32 = 20;

/// How long a look may be under way: its answer is from before ECS knew, and is heard after it.
const UNDER_WAY: SignedDuration = SignedDuration::from_millis(400);

/// What was seen of a scenario.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Its name, with the part of the table it is in.
    pub(super) name: (&'static str, &'static str),
    /// What ECS or CodeDeploy showed at the end.
    pub(super) shown: String,
    /// The verdict's word; empty where the deployment was refused.
    pub(super) verdict: String,
    /// The sentence that explains it.
    pub(super) says: String,
    /// The exit code.
    pub(super) exit: i32,
    /// Seconds from when AWS knew how it ended until it was said, where AWS knows a moment.
    pub(super) seconds: Option<f64>,
    /// Looks after AWS knew, until it was said.
    pub(super) looks: usize,
    /// Everything that was printed.
    printed: String,
}

impl Played {
    /// What is not as the scenario wants it, in words.
    pub(super) fn wrongs(&self, scenario: &Scenario) -> Vec<String> {
        let mut wrongs = Vec::new();
        if self.exit != scenario.exit {
            wrongs.push(format!("exit code {} instead of {}", self.exit, scenario.exit));
        }
        if self.verdict != scenario.verdict {
            wrongs.push(format!("{} instead of {}", self.verdict, scenario.verdict));
        }
        if self.looks > 1 {
            wrongs.push(format!("told at look {} after AWS knew", self.looks));
        }
        let missing = scenario.says.iter().filter(|words| !self.printed.contains(**words));
        wrongs.extend(missing.map(|words| format!("`{words}` is not said")));
        if wrongs.is_empty() {
            return Vec::new();
        }
        vec![format!("\n== {}: {}\n{}", scenario.name, wrongs.join("; "), self.printed)]
    }
}

/// A line of output, and when it came.
struct Heard {
    /// By the machine's clock.
    at: Timestamp,
    /// The document on it, where it is one.
    document: Value,
    /// As it was printed.
    text: String,
}

/// Plays a scenario; one that cannot be played is told like one that went wrong, so that the others
/// are told too.
pub(super) fn to_its_end(scenario: &Scenario) -> Played {
    catch_unwind(|| play(scenario)).unwrap_or_else(|panic| {
        let why = panic.downcast_ref::<String>().cloned();
        let printed = format!("it cannot be played: {}", why.unwrap_or_default());
        Played { name: (scenario.part, scenario.name), exit: -1, printed, ..Played::default() }
    })
}

/// Plays a scenario in a shop of its own.
fn play(scenario: &Scenario) -> Played {
    let shop = Shop::unseeded(&(scenario.manifest)());
    shop.run(&["sandbox", "seed"]).expect(0);
    shop.sandbox(&["speed", &SPEED.to_string()]);
    for arguments in scenario.sandbox {
        shop.sandbox(arguments);
    }
    (scenario.arrange)(&shop);
    let heard = command(&shop, scenario);
    let exit = heard.exit;
    let told = step(&shop, scenario);
    let verdict = &told["verdict"];
    let mut played = Played {
        name: (scenario.part, scenario.name),
        shown: shown(&shop, scenario, &heard.lines),
        verdict: verdict["verdict"].as_str().unwrap_or_default().to_owned(),
        exit,
        ..Played::default()
    };
    let ends = known_at(&shop, scenario, &heard.lines).zip(finish(&heard.lines, scenario));
    if let Some((known, finished)) = ends {
        let late = finished.duration_since(known);
        played.seconds = Some(late.as_secs_f64().max(0.0));
        played.looks = looks(&heard.lines, known + UNDER_WAY, finished);
    }
    let text: String = heard.lines.iter().map(|line| line.text.as_str()).collect();
    let human = shop.run(&["show", scenario.deployment]).stdout;
    played.says = says(&shop, scenario, &played.verdict, (&human, &text));
    if let Some(cause) = told["evidence"]["diagnosis"][0]["text"].as_str() {
        played.says = format!("{}<br>{}", played.says, steady(&shop, cause));
    }
    if let Some(note) = told["note"].as_str() {
        let before = if played.says.is_empty() { "" } else { " " };
        played.says.extend([before, steady(&shop, note).as_str()]);
    }
    played.shown = steady(&shop, &played.shown);
    played.printed = format!("{text}\n{}\n{human}", heard.beside);
    played
}

/// What a command printed, and how it ended.
struct Ended {
    lines: Vec<Heard>,
    beside: String,
    exit: i32,
}

/// Runs the scenario's command, and does what is to be done in the middle.
fn command(shop: &Shop, scenario: &Scenario) -> Ended {
    let arguments: Vec<&str> =
        scenario.command.iter().chain(&["--output", "json"]).copied().collect();
    let mut child =
        shop.program(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let out = timed_lines(child.stdout.take().unwrap());
    let err = timed_lines(child.stderr.take().unwrap());
    let mut lines = Vec::new();
    let mut waiting = scenario.meanwhile.iter();
    let mut next = waiting.next();
    let deadline = Instant::now() + PATIENCE * 2;
    while let Ok((at, text)) = out.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        let document = serde_json::from_str(&text).unwrap_or_default();
        while let Some((when, act)) = next
            && text.contains(when)
        {
            act(shop);
            next = waiting.next();
        }
        lines.push(Heard { at, document, text });
    }
    if Instant::now() >= deadline {
        drop(child.kill());
    }
    let exit = child.wait().unwrap().code().unwrap_or(-1);
    let beside = err.iter().map(|(_, line)| line).collect();
    assert!(next.is_none(), "{}: never came to the middle\n{beside}", scenario.name);
    Ended { lines, beside, exit }
}

/// Reads a stream's lines as they come.
fn timed_lines(stream: impl std::io::Read + Send + 'static) -> Receiver<(Timestamp, String)> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
            if sender.send((clock::now(), std::mem::take(&mut line))).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The step of the scenario's service in the record; null where nothing was recorded.
fn step(shop: &Shop, scenario: &Scenario) -> Value {
    let shown = shop.run(&["show", scenario.deployment, "--output", "json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
    let steps = shown["deployment"]["steps"].as_array().cloned().unwrap_or_default();
    steps.into_iter().find(|step| step["service"] == scenario.service).unwrap_or_default()
}

/// When the service's verdict was told.
fn finish(lines: &[Heard], scenario: &Scenario) -> Option<Timestamp> {
    let is_end = |line: &&Heard| {
        line.document["event"] == "step_finished" && line.document["service"] == scenario.service
    };
    lines.iter().find(is_end).map(|line| line.at)
}

/// How many looks were told between two moments.
fn looks(lines: &[Heard], from: Timestamp, to: Timestamp) -> usize {
    let is_look =
        |line: &&Heard| line.document["event"] == "progress" && line.at > from && line.at <= to;
    lines.iter().filter(is_look).count()
}

/// What our command began, as ECS or CodeDeploy tells it at the end: its status, why, and when it
/// ended; null where nothing was begun.
fn begun(shop: &Shop, scenario: &Scenario, lines: &[Heard]) -> Value {
    let started = lines.iter().find(|line| line.document["event"] == "rollout_started");
    let ours = started.and_then(|line| line.document["ecs_deployment"].as_str());
    match ours.map(|id| (id, id.strip_prefix("ecs-svc/"))) {
        Some((_, Some(number))) => service_deployment(shop, scenario, number),
        Some((id, None)) => code_deployment(shop, id),
        None => Value::Null,
    }
}

/// A deployment of CodeDeploy; where it was rolled back, it ended when its rollback did.
fn code_deployment(shop: &Shop, id: &str) -> Value {
    let ask = |id: &str| {
        let told = shop.send("CodeDeploy_20141006.GetDeployment", &json!({ "deploymentId": id })).1;
        told["deploymentInfo"].clone()
    };
    let told = ask(id);
    let rollback = told["rollbackInfo"]["rollbackDeploymentId"].as_str().map(ask);
    let ended = rollback.as_ref().unwrap_or(&told)["completeTime"].clone();
    let message = told["errorInformation"]["message"].as_str().unwrap_or_default();
    let then = rollback.map_or_else(String::new, |back| {
        format!(" (its rollback: {})", back["status"].as_str().unwrap_or_default())
    });
    json!({ "status": told["status"], "statusReason": format!("{message}{then}"), "finishedAt": ended })
}

/// The service deployment of ECS with this number.
fn service_deployment(shop: &Shop, scenario: &Scenario, number: &str) -> Value {
    let (cluster, service) = (scenario.cluster, scenario.ecs_service);
    let service = json!({ "cluster": cluster, "service": service, "maxResults": 100 });
    let Ok(listed) = shop.try_ecs("ListServiceDeployments", &service) else { return Value::Null };
    let is_ours = |brief: &&Value| {
        let revision = brief["targetServiceRevisionArn"].as_str().unwrap_or_default();
        revision.ends_with(&format!("/{number}"))
    };
    let all = listed["serviceDeployments"].as_array().cloned().unwrap_or_default();
    let Some(arn) = all.iter().find(is_ours).map(|brief| brief["serviceDeploymentArn"].clone())
    else {
        return Value::Null;
    };
    let described =
        shop.ecs("DescribeServiceDeployments", &json!({ "serviceDeploymentArns": [arn] }));
    described["serviceDeployments"][0].clone()
}

/// When ECS knew how our deployment ended, on the machine's clock.
fn known_at(shop: &Shop, scenario: &Scenario, lines: &[Heard]) -> Option<Timestamp> {
    if !scenario.has_an_end {
        return None;
    }
    let deployment = begun(shop, scenario, lines);
    let known = moment(&deployment["finishedAt"])?;
    let reading = shop.cloud().clock().unwrap();
    let ago = reading.now.duration_since(known) / SPEED;
    Some(reading.machine - ago)
}

/// A moment as AWS's JSON tells it: seconds since 1970.
fn moment(value: &Value) -> Option<Timestamp> {
    let seconds = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    Timestamp::from_duration(SignedDuration::try_from(seconds).ok()?).ok()
}

/// What ECS showed, in short.
fn shown(shop: &Shop, scenario: &Scenario, lines: &[Heard]) -> String {
    let deployment = begun(shop, scenario, lines);
    let status = deployment["status"].as_str().unwrap_or_default();
    if !scenario.has_an_end || status.is_empty() {
        let is_end = |line: &&Heard| line.document["event"] != "step_finished";
        let until_then = lines.iter().take_while(is_end);
        let progress = until_then.filter(|line| line.document["event"] == "progress").last();
        let Some(look) = progress.map(|line| &line.document) else { return "-".to_owned() };
        let state = look["rollout_state"].as_str().unwrap_or("none");
        return match look["failed_tasks"].as_i64() {
            Some(failed) if failed > 0 => {
                format!("`rolloutState` {state}, `failedTasks` growing")
            }
            _ => format!("`rolloutState` {state}"),
        };
    }
    let reason = deployment["statusReason"].as_str().unwrap_or_default().trim();
    if reason.is_empty() { status.to_owned() } else { format!("{status}: {reason}") }
}

/// The sentence that explains the verdict, as `show` has it; or the refusal.
fn says(shop: &Shop, scenario: &Scenario, verdict: &str, (page, printed): (&str, &str)) -> String {
    let sentence = if verdict.is_empty() {
        refusal(printed)
    } else {
        let (headline, own) = (format!("{}: ", scenario.service), "own rollout");
        let mut lines = page.lines().skip_while(|line| !line.starts_with(&headline));
        // Of a service that was put back, the headline tells that, and a line of its own the rest.
        let end = |line: &str| {
            let told = line.strip_prefix(&headline).or(line.trim_start().strip_prefix(own))?;
            Some(told.trim_start().strip_prefix(verdict)?.to_owned())
        };
        lines.by_ref().take_while(|line| !line.is_empty()).find_map(end)
    };
    steady(shop, sentence.unwrap_or_default().trim())
}

/// A text without what differs from one run to the next.
fn steady(shop: &Shop, text: &str) -> String {
    let mut text = shop.steady(text);
    for (pattern, replacement) in [
        (r", request [0-9a-f-]{36}", ""),
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "[id]"),
        (r"\b[0-9a-f]{32}\b", "[task]"),
        (r"\bd-[A-Z0-9]{9}\b", "d-[id]"),
        (r"\d+ tasks in a row", "[many] tasks in a row"),
        (r"\d+ so far, and \d+ of", "[many] so far, and [some] of"),
        (r"\d+ of (\d+) new tasks run", "[some] of $1 new tasks run"),
    ] {
        let pattern = regex_lite::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}

/// The first cause of the error that ended the command.
fn refusal(printed: &str) -> Option<String> {
    let documents = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut errors = documents.filter(|document| document["schema"] == "release-tool/error");
    errors.next().and_then(|error| error["causes"][0].as_str().map(str::to_owned))
}

impl Shop {
    /// Sends a request to ECS that may be refused.
    fn try_ecs(&self, operation: &str, body: &Value) -> Result<Value, Value> {
        let (is_success, told) =
            self.send(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), body);
        if is_success { Ok(told) } else { Err(told) }
    }
}

//! Which process this is, and whether another one on this machine is gone.
//!
//! A process number says nothing by itself: numbers are used again, containers count on their own,
//! and machines start again. So it is told together with when the process started, in which
//! namespace, and since which start of the machine; only where all of that is the same can this
//! machine say that a process is gone. Everywhere else nobody can, and a lease runs out instead.

use std::{fs, path::Path};

use crate::model::ProcessId;

/// Where Linux tells of its processes.
const PROC: &str = "/proc";
/// The field of `/proc/<pid>/stat` with the state, counted from after the name in parentheses
/// (`proc_pid_stat(5)`, field 3).
const STATE: usize = 0;
/// The field with the time of the start, counted likewise (`proc_pid_stat(5)`, field 22).
const STARTED: usize = 19;

/// This process; none where the system does not tell it so exactly.
#[must_use]
pub fn this() -> Option<ProcessId> {
    here(Path::new(PROC), std::process::id())
}

/// Whether a process is known to be gone. No is no answer: it may be on another machine.
#[must_use]
pub fn is_gone(process: &ProcessId) -> bool {
    is_gone_in(Path::new(PROC), process)
}

/// A process of this machine, as a process in the same namespace sees it.
fn here(proc: &Path, pid: u32) -> Option<ProcessId> {
    let (boot, namespace) = surroundings(proc)?;
    let Found::Running { started } = look(proc, pid) else { return None };
    Some(ProcessId { boot, namespace, pid, started })
}

/// Which start of the machine this is, and in which namespace this process counts.
fn surroundings(proc: &Path) -> Option<(String, String)> {
    let boot = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
    let namespace = fs::read_link(proc.join("self/ns/pid")).ok()?;
    Some((boot.trim().to_owned(), namespace.to_str()?.to_owned()))
}

/// What there is under a process number.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A process that started then.
    Running {
        /// When, in the kernel's ticks since the boot.
        started: u64,
    },
    /// None, or one that has ended and that nobody has taken note of.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// Looks for a process.
fn look(proc: &Path, pid: u32) -> Found {
    let text = match fs::read_to_string(proc.join(pid.to_string()).join("stat")) {
        Ok(text) => text,
        // Where other people's processes are hidden, so is the first one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && proc.join("1").exists() => {
            return Found::Nothing;
        }
        Err(_unreadable) => return Found::Unknown,
    };
    // The name may have any character, parentheses too; the last one ends it.
    let Some((_, fields)) = text.rsplit_once(')') else { return Found::Unknown };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    match (fields.get(STATE).copied(), fields.get(STARTED).and_then(|text| text.parse().ok())) {
        (Some("Z" | "X"), _) => Found::Nothing,
        (Some(_), Some(started)) => Found::Running { started },
        _ => Found::Unknown,
    }
}

/// Whether a process is known to be gone, as `/proc` tells it.
fn is_gone_in(proc: &Path, process: &ProcessId) -> bool {
    let Some((boot, namespace)) = surroundings(proc) else { return false };
    if (&boot, &namespace) != (&process.boot, &process.namespace) {
        return false;
    }
    match look(proc, process.pid) {
        Found::Nothing => true,
        Found::Running { started } => started != process.started,
        Found::Unknown => false,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{os::unix::fs::symlink, process::Command};

    use super::*;

    /// A `/proc` with one process whose `stat` is this.
    fn proc(stat: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for directory in ["sys/kernel/random", "self/ns", "1", "7"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        fs::write(at("sys/kernel/random/boot_id"), "boot-1\n").unwrap();
        symlink("pid:[4026531836]", at("self/ns/pid")).unwrap();
        fs::write(at("7/stat"), stat).unwrap();
        folder
    }

    /// A `stat` of a state and a start.
    fn stat(state: &str, started: u64) -> String {
        let between = ["0"; STARTED - 1].join(" ");
        format!("7 (a b) c) {state} {between} {started} 0 0\n")
    }

    /// The process of such a `/proc`.
    fn seven(started: u64) -> ProcessId {
        let (boot, namespace) = ("boot-1".to_owned(), "pid:[4026531836]".to_owned());
        ProcessId { boot, namespace, pid: 7, started }
    }

    #[test]
    fn a_process_is_gone_only_when_this_machine_can_tell() {
        let elsewhere = ProcessId { boot: "boot-2".to_owned(), ..seven(9) };
        let inside = ProcessId { namespace: "pid:[1]".to_owned(), ..seven(9) };
        let nobody = ProcessId { pid: 8, ..seven(9) };
        let cases = [
            (stat("S", 9), seven(9), false),
            (stat("R", 10), seven(9), true),
            (stat("Z", 9), seven(9), true),
            (stat("S", 9), nobody.clone(), true),
            (stat("S", 9), elsewhere.clone(), false),
            (stat("S", 9), ProcessId { boot: elsewhere.boot, ..nobody.clone() }, false),
            (stat("S", 9), ProcessId { namespace: inside.namespace, ..nobody }, false),
            ("nonsense".to_owned(), seven(9), false),
        ];
        for (stat, process, gone) in cases {
            let proc = proc(&stat);
            assert_eq!(is_gone_in(proc.path(), &process), gone, "{stat} {process:?}");
        }
        assert_eq!(here(proc(&stat("S", 9)).path(), 7), Some(seven(9)));
        let hidden = proc(&stat("S", 9));
        fs::remove_dir(hidden.path().join("1")).unwrap();
        assert!(!is_gone_in(hidden.path(), &ProcessId { pid: 8, ..seven(9) }));
        assert_eq!(here(Path::new("/nowhere"), 7), None);
        assert!(!is_gone_in(Path::new("/nowhere"), &seven(9)));
    }

    #[test]
    fn this_process_is_not_gone_and_one_that_has_ended_is() {
        let this = this().unwrap();
        assert!(!is_gone(&this));
        assert!(is_gone(&ProcessId { started: this.started + 1, ..this.clone() }));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let other = here(Path::new(PROC), child.id()).unwrap();
        assert!(!is_gone(&other));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&other));
    }
}

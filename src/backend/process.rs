//! Which process this is, and whether another one of the same machine is gone.
//!
//! Only Linux tells enough to be certain; elsewhere nobody is ever called gone.

use std::fs;

use crate::model::ProcessId;

/// This process; none where the system does not tell enough.
#[must_use]
pub fn this() -> Option<ProcessId> {
    let pid = std::process::id();
    Some(ProcessId { boot: boot()?, namespace: namespace()?, pid, started: started(pid)? })
}

/// Whether a process is certainly gone: it was on this start of this machine, its number means the
/// same here, and no process has it, or another one does.
#[must_use]
pub fn is_gone(process: &ProcessId) -> bool {
    let is_ours =
        boot().as_ref() == Some(&process.boot) && namespace().as_ref() == Some(&process.namespace);
    is_ours && started(process.pid) != Some(process.started)
}

/// The id of this start of the machine (proc(5)).
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// The namespace that this process's number is of (`pid_namespaces(7)`).
fn namespace() -> Option<String> {
    fs::read_link("/proc/self/ns/pid").ok()?.into_os_string().into_string().ok()
}

/// When a process started, in ticks since the boot: the 22nd field of its `stat` (proc(5)). None
/// for no process, and for one that has ended and waits for its parent.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in parentheses, and may hold any character.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    // The state is the 3rd field.
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_gone_when_it_has_ended_or_its_number_is_another_s() {
        let this = this().unwrap();
        assert!(!is_gone(&this));
        assert!(is_gone(&ProcessId { started: this.started + 1, ..this.clone() }));
        for other in [
            ProcessId { boot: "another".to_owned(), started: 0, ..this.clone() },
            ProcessId { namespace: "another".to_owned(), started: 0, ..this.clone() },
        ] {
            assert!(!is_gone(&other), "nobody can tell: {other:?}");
        }
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let sleeper = ProcessId { pid: child.id(), started: started(child.id()).unwrap(), ..this };
        assert!(!is_gone(&sleeper));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&sleeper));
    }
}

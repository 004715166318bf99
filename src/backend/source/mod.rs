//! The local git repository: what commits say, and who the user is.
//!
//! Everything here only helps people to recognise things, so nothing fails: what cannot be told
//! is absent.

use std::path::Path;

use git2::Oid;

/// A commit, for people to recognise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash, 40 hexadecimal digits.
    pub hash: String,
    /// The first line of its message.
    pub subject: String,
}

/// A git repository on this machine.
pub struct Repository {
    /// The open repository.
    git: git2::Repository,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("path", &self.git.path()).finish()
    }
}

impl Repository {
    /// The repository that a folder is in.
    #[must_use]
    pub fn discover(folder: &Path) -> Option<Self> {
        let git = git2::Repository::discover(folder).ok()?;
        Some(Self { git })
    }

    /// The top folder of the working tree; a bare repository has none.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.git.workdir()
    }

    /// The first line of a commit's message. The hash may be abbreviated, as far as it is
    /// unique; names of branches and tags are not taken.
    #[must_use]
    pub fn subject(&self, hash: &str) -> Option<String> {
        self.commit(hash).map(|commit| describe(&commit).subject)
    }

    /// The commits that came in between two: those that `to` holds and `from` does not, newest
    /// first, at most `most`. `None` when one of the two is not known here.
    #[must_use]
    pub fn between(&self, from: &str, to: &str, most: usize) -> Option<Vec<Commit>> {
        let (from, to) = (self.commit(from)?, self.commit(to)?);
        let mut walk = self.git.revwalk().ok()?;
        walk.push(to.id()).ok()?;
        walk.hide(from.id()).ok()?;
        Some(self.described(walk, most))
    }

    /// The commit that is checked out.
    #[must_use]
    pub fn head(&self) -> Option<Commit> {
        let commit = self.git.head().ok()?.peel_to_commit().ok()?;
        Some(describe(&commit))
    }

    /// The latest commits of what is checked out, newest first.
    #[must_use]
    pub fn recent(&self, most: usize) -> Vec<Commit> {
        let walk = self.git.revwalk().and_then(|mut walk| walk.push_head().map(|()| walk));
        walk.map(|walk| self.described(walk, most)).unwrap_or_default()
    }

    /// Who commits here: `Name <mail>`, or the one of the two that is configured.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        user_of(&self.git.config().ok()?)
    }

    /// The commit with this full or abbreviated hash.
    fn commit(&self, hash: &str) -> Option<git2::Commit<'_>> {
        let is_hash = (4..=40).contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then(|| self.git.find_commit_by_prefix(hash).ok()).flatten()
    }

    /// What a walk meets first.
    fn described(&self, walk: git2::Revwalk<'_>, most: usize) -> Vec<Commit> {
        let found = |id: Oid| self.git.find_commit(id).ok();
        walk.filter_map(|id| found(id.ok()?)).take(most).map(|commit| describe(&commit)).collect()
    }
}

/// Who commits on this machine, outside of any repository.
#[must_use]
pub fn default_user() -> Option<String> {
    user_of(&git2::Config::open_default().ok()?)
}

/// `user.name` and `user.email`.
fn user_of(config: &git2::Config) -> Option<String> {
    let read = |key| config.get_string(key).ok().filter(|value| !value.trim().is_empty());
    match (read("user.name"), read("user.email")) {
        (Some(name), Some(mail)) => Some(format!("{name} <{mail}>")),
        (name, mail) => name.or(mail),
    }
}

/// A commit's hash and subject. Bytes that are not UTF-8 are replaced.
fn describe(commit: &git2::Commit<'_>) -> Commit {
    let subject = commit.summary_bytes().unwrap_or_default();
    Commit { hash: commit.id().to_string(), subject: String::from_utf8_lossy(subject).into_owned() }
}

#[cfg(test)]
mod tests {
    use git2::{Signature, Time};
    use tempfile::TempDir;

    use super::*;

    /// A repository with these subjects, oldest first, and the commits' hashes.
    fn with_commits(subjects: &[&str]) -> (TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(folder.path()).unwrap();
        let mut hashes: Vec<String> = Vec::new();
        for (at, subject) in subjects.iter().enumerate() {
            let time = Time::new(1_700_000_000 + i64::try_from(at).unwrap(), 0);
            let author = Signature::new("Bob", "bob@example.org", &time).unwrap();
            let tree = git.treebuilder(None).unwrap().write().unwrap();
            let tree = git.find_tree(tree).unwrap();
            let parent = hashes.last().map(|hash| git.find_commit_by_prefix(hash).unwrap());
            let parents: Vec<_> = parent.iter().collect();
            let message = format!("{subject}\n\nMore of it.\n");
            let id = git.commit(Some("HEAD"), &author, &author, &message, &tree, &parents).unwrap();
            hashes.push(id.to_string());
        }
        (folder, hashes)
    }

    #[test]
    fn commits_are_found_by_hash_alone() {
        let (folder, hashes) = with_commits(&["Make it", "Fix the lookup"]);
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let repository = Repository::discover(&below).unwrap();
        let hash = &hashes[1];
        let start = |digits| hash.chars().take(digits).collect::<String>();
        for given in [hash.clone(), start(7), hash.to_uppercase()] {
            assert_eq!(repository.subject(&given).as_deref(), Some("Fix the lookup"), "{given}");
        }
        for given in ["", "HEAD", "master", "main", "0000000", "v1.2", &start(3)] {
            assert_eq!(repository.subject(given), None, "{given}");
        }
        assert_eq!(
            repository.root().unwrap().canonicalize().unwrap(),
            folder.path().canonicalize().unwrap()
        );
    }

    #[test]
    fn what_came_in_between_is_newest_first() {
        let (folder, hashes) = with_commits(&["one", "two", "three", "four"]);
        let repository = Repository::discover(folder.path()).unwrap();
        let subjects = |commits: Vec<Commit>| -> Vec<String> {
            commits.into_iter().map(|commit| commit.subject).collect()
        };
        let between = |from: usize, to: usize, most| {
            repository.between(&hashes[from], &hashes[to], most).map(subjects)
        };
        assert_eq!(between(0, 3, 9).unwrap(), ["four", "three", "two"]);
        assert_eq!(between(0, 3, 1).unwrap(), ["four"]);
        assert!(between(3, 0, 9).unwrap().is_empty(), "a rollback brings nothing in");
        assert_eq!(repository.between("1234567", &hashes[0], 9), None);
        assert_eq!(subjects(repository.recent(2)), ["four", "three"]);
        assert_eq!(repository.head().unwrap().hash, hashes[3]);
    }

    #[test]
    fn where_there_is_nothing_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Repository::discover(folder.path()).is_none());
        git2::Repository::init(folder.path()).unwrap();
        let empty = Repository::discover(folder.path()).unwrap();
        assert_eq!((empty.head(), empty.recent(5)), (None, Vec::new()));
    }

    #[test]
    fn the_user_is_who_git_says() {
        let (folder, _) = with_commits(&[]);
        let repository = Repository::discover(folder.path()).unwrap();
        let mut config =
            repository.git.config().unwrap().open_level(git2::ConfigLevel::Local).unwrap();
        config.set_str("user.name", "Bob Beardly").unwrap();
        config.set_str("user.email", "bob@example.org").unwrap();
        assert_eq!(repository.user().unwrap(), "Bob Beardly <bob@example.org>");
        config.set_str("user.name", " ").unwrap();
        assert_eq!(repository.user().unwrap(), "bob@example.org");
    }
}

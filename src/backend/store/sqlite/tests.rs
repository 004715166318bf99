//! The contract on SQLite, and what only a file can do: be shared, be killed, be broken.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::{
    super::{Condition, Consistency, Direction, Index, Key, Store, StoreError, Write, contract},
    SqliteStore, file,
    problem::Problem,
    statements,
};

/// A store in a folder of its own, which lives as long as the value.
async fn new_store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    (folder, store)
}

/// Makes stores for the contract in one folder.
struct Maker {
    /// Where.
    folder: TempDir,
    /// How many there are.
    made: std::cell::Cell<u32>,
}

impl Maker {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: std::cell::Cell::new(0) }
    }

    async fn make(&self) -> Arc<dyn Store> {
        self.made.set(self.made.get() + 1);
        let path = self.folder.path().join(format!("{}.db", self.made.get()));
        Arc::new(SqliteStore::open(path).await.unwrap())
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    let maker = Maker::new();
    contract::run(async || maker.make().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_in_races() {
    let maker = Maker::new();
    contract::race(async || maker.make().await).await;
}

/// Another connection to the file for every call, as if each were made by a process of its own.
#[derive(Debug)]
struct Reopened(std::path::PathBuf);

#[async_trait::async_trait]
impl Store for Reopened {
    async fn get(
        &self,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<super::Item>, StoreError> {
        SqliteStore::open(&self.0).await?.get(key, consistency).await
    }

    async fn query(&self, query: &super::Query) -> Result<super::Page, StoreError> {
        SqliteStore::open(&self.0).await?.query(query).await
    }

    async fn query_index(&self, query: &super::IndexQuery) -> Result<super::Page, StoreError> {
        SqliteStore::open(&self.0).await?.query_index(query).await
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        SqliteStore::open(&self.0).await?.transact(writes).await
    }

    async fn scan(
        &self,
        limit: usize,
        after: Option<&super::Cursor>,
    ) -> Result<super::Page, StoreError> {
        SqliteStore::open(&self.0).await?.scan(limit, after).await
    }

    fn now(&self) -> jiff::Timestamp {
        crate::backend::clock::now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_in_races_of_connections() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::cell::Cell::new(0);
    contract::race(async || {
        made.set(made.get() + 1);
        Arc::new(Reopened(folder.path().join(format!("{}.db", made.get())))) as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn makes_its_folder_and_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/store.db");
    let key = Key::new("p", "s");
    {
        let store = SqliteStore::open(&path).await.unwrap();
        store.transact(vec![Write::put(key.clone(), Map::new())]).await.unwrap();
    }
    let store = SqliteStore::open(&path).await.unwrap();
    assert!(store.get(&key, Consistency::Strong).await.unwrap().is_some());
    assert_eq!(store.path(), path);
}

#[tokio::test]
async fn commits_reach_the_disk() {
    let (_folder, store) = new_store().await;
    let connection = store.connection.lock().unwrap();
    let setting = |name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(setting("journal_mode"), "wal");
    assert_eq!(setting("synchronous"), "2", "FULL");
}

#[tokio::test]
async fn index_questions_use_the_index() {
    let (_folder, store) = new_store().await;
    let connection = store.connection.lock().unwrap();
    for (index, name) in [(Index::First, "items_gsi1"), (Index::Second, "items_gsi2")] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let sql = format!("EXPLAIN QUERY PLAN {}", statements::index_sql(index, direction));
            let plan: Vec<String> = connection
                .prepare(&sql)
                .unwrap()
                .query_map(("a", "b", "c", "d", 1), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let [step] = plan.as_slice() else { panic!("{plan:?}") };
            let sort = index.sk_attribute();
            assert!(step.contains(&format!("USING INDEX {name} ")), "{step}");
            assert!(step.contains(sort), "the place in the index is searched: {step}");
        }
    }
}

#[tokio::test]
async fn the_file_itself_refuses_changes_of_the_audit() {
    let (_folder, store) = new_store().await;
    let key = Key::new("P#p#AUD", "1");
    let put = Write::put(key, Map::new()).when(Condition::Absent);
    store.transact(vec![put]).await.unwrap();
    let connection = store.connection.lock().unwrap();
    for sql in ["UPDATE items SET doc = '{}'", "DELETE FROM items"] {
        let error = connection.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("audit is append-only"), "{error}");
    }
}

/// The error of opening a file, told as text: the message, its hint and its causes.
async fn refusal(path: &std::path::Path) -> (StoreError, String) {
    let error = SqliteStore::open(path).await.unwrap_err();
    let text = format!("{error}; {}", error.hint());
    (error, text.replace(&path.display().to_string(), "FILE"))
}

#[tokio::test]
async fn a_newer_file_asks_for_an_update_and_is_left_alone() {
    let (_folder, store) = new_store().await;
    store.connection.lock().unwrap().pragma_update(None, "user_version", 9).unwrap();
    let (error, text) = refusal(store.path()).await;
    assert!(matches!(error, StoreError::NewerSchema { found: 9, known: 1, .. }));
    insta::assert_snapshot!(text, @"failed to read the store `FILE`: its schema is 9, and this program knows those up to 1; update release-tool: a newer version has written to this store");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "These are my notes. ".repeat(100)).unwrap();
    let (_, text) = refusal(&path).await;
    insta::assert_snapshot!(text, @r#"failed to use the store `FILE`: the file is not an SQLite database; name another file in the manifest's `store = { sqlite = "…" }`"#);
    assert!(fs::read_to_string(&path).unwrap().starts_with("These are my notes."));
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let (_, text) = refusal(&path).await;
    insta::assert_snapshot!(text, @r#"failed to use the store `FILE`: another program made this file; name another file in the manifest's `store = { sqlite = "…" }`"#);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let (_folder, store) = new_store().await;
    let filler = Map::from_iter([("a".to_owned(), Value::from("x".repeat(3000)))]);
    for n in 0..50 {
        let put = Write::put(Key::new("p", n.to_string()), filler.clone());
        store.transact(vec![put]).await.unwrap();
    }
    let path = store.path().to_owned();
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 100_000, "the write-ahead log is in the file");
    bytes[20_000..90_000].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    let mut texts = Vec::new();
    for n in 0..50 {
        if let Err(error) = store.get(&Key::new("p", n.to_string()), Consistency::Strong).await {
            texts.push(format!("{error}; {}", error.hint()));
        }
    }
    texts.dedup();
    let text = texts.join("\n").replace(&path.display().to_string(), "FILE");
    insta::assert_snapshot!(text, @r#"failed to use the store `FILE`: the file is damaged; restore the file from a backup, or take out what can be read with SQLite's own `sqlite3 <file> .recover`"#);
}

#[tokio::test]
async fn an_item_that_is_no_json_object_is_told() {
    let (_folder, store) = new_store().await;
    store
        .connection
        .lock()
        .unwrap()
        .execute("INSERT INTO items (pk, sk, doc) VALUES ('p', 's', '[1]')", [])
        .unwrap();
    let error = store.get(&Key::new("p", "s"), Consistency::Strong).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to read the item `p/s`: it is damaged");
}

#[test]
fn a_read_only_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(file::open(&path).unwrap());
    // Permissions do not hold back every user, so the file is opened as SQLite would for one.
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(&path, flags).unwrap();
    let problem = file::prepare(connection).unwrap_err();
    assert!(matches!(problem, Problem::ReadOnly));
    let error = problem.at(std::path::Path::new("FILE"));
    insta::assert_snapshot!(format!("{error}; {}", error.hint()), @r#"failed to use the store `FILE`: the file or its folder cannot be written; give yourself write permission to the file and its folder, or name another file in the manifest's `store = { sqlite = "…" }`"#);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = refusal(folder.path()).await;
    insta::assert_snapshot!(text, @r#"failed to use the store `FILE`: the file cannot be opened; give yourself write permission to the file and its folder, or name another file in the manifest's `store = { sqlite = "…" }`"#);
}

#[tokio::test]
async fn a_file_in_the_place_of_the_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let (_, text) = refusal(&folder.path().join("file/store.db")).await;
    insta::assert_snapshot!(text, @r#"failed to use the store `FILE`: its folder cannot be made; give yourself write permission to the file and its folder, or name another file in the manifest's `store = { sqlite = "…" }`"#);
}

/// JSON values that an item may hold.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("(?s).+", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_item_comes_back_the_same(
        attributes in prop::collection::btree_map("[a-z]{3,8}", values(), 0..6),
        pk in "[!-~]{1,40}",
        sk in "[!-~]{1,40}",
    ) {
        let attributes: Map<String, Value> = attributes.into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, store) = new_store().await;
            let key = Key::new(pk, sk);
            let put = Write::put(key.clone(), attributes.clone()).when(Condition::Absent);
            store.transact(vec![put]).await.unwrap();
            let found = store.get(&key, Consistency::Strong).await.unwrap().unwrap();
            assert_eq!(found.into_attributes(), attributes);
        });
    }
}

/// Starts this test binary once more, as a process that runs [`child`] on a file.
fn start_child(path: &std::path::Path, task: &str) -> Child {
    let name = concat!(module_path!(), "::child");
    let name = name.split_once("::").unwrap().1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{task}\n{}", path.display()).unwrap();
    child
}

/// The number after a word on each line of a child's output that has it.
fn numbers(output: impl std::io::Read, word: &str) -> Vec<u64> {
    BufReader::new(output)
        .lines()
        .map(Result::unwrap)
        .filter_map(|line| line.split_once(word)?.1.trim().parse().ok())
        .collect()
}

/// Takes the next number of a counter; none when another process was faster.
async fn take_number(store: &SqliteStore) -> Option<u64> {
    let key = Key::new("p", "counter");
    let found = store.get(&key, Consistency::Strong).await.unwrap();
    let last = found.as_ref().and_then(|item| item.get("last")?.as_u64()).unwrap_or(0);
    let unmoved = match last {
        0 => Condition::Absent,
        last => Condition::equals("last", last),
    };
    let next = last + 1;
    let set = Map::from_iter([("last".to_owned(), json!(next))]);
    let twin = Write::put(Key::new("p", format!("twin{next}")), Map::new()).when(Condition::Absent);
    match store.transact(vec![Write::update(key, set, vec![]).when(unmoved), twin]).await {
        Ok(()) => Some(next),
        Err(StoreError::Conflict(_)) => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
#[ignore = "run as a process of its own by other tests, which tell it on its input what to do"]
async fn child() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let Some((task, path)) = input.trim().split_once('\n') else { return };
    let store = SqliteStore::open(path).await.unwrap();
    let most = if task == "count" { 25 } else { usize::MAX };
    let mut taken = 0;
    while taken < most {
        if let Some(number) = take_number(&store).await {
            taken += 1;
            writeln!(std::io::stdout(), "taken {number}").unwrap();
        }
    }
}

#[test]
fn processes_never_take_one_number_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let children: Vec<Child> = (0..4).map(|_| start_child(&path, "count")).collect();
    let mut taken = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        taken.extend(numbers(output.stdout.as_slice(), "taken "));
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=100).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_was_answered_survives_a_kill_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut child = start_child(&path, "for ever");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let tenth = lines.by_ref().map(Result::unwrap).filter(|line| line.contains("taken ")).nth(9);
    assert!(tenth.is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    let answered = 10 + lines.map_while(Result::ok).filter(|line| line.contains("taken ")).count();

    let store = SqliteStore::open(&path).await.unwrap();
    let counter = store.get(&Key::new("p", "counter"), Consistency::Strong).await.unwrap().unwrap();
    let last = counter.get("last").unwrap().as_u64().unwrap();
    assert!(last >= answered as u64, "{last} is recorded, and {answered} were answered");
    for number in 1..=last + 1 {
        let twin = Key::new("p", format!("twin{number}"));
        let found = store.get(&twin, Consistency::Strong).await.unwrap();
        assert_eq!(found.is_some(), number <= last, "half a transaction at {number} of {last}");
    }
}

//! Asking page by page, until all is read or enough is found.

use super::{
    super::{Consistency, Direction, Index, IndexQuery, Item, Query, StoreError},
    Ledger,
};

/// Items of a page where all are wanted. DynamoDB ends a page at 1 MB, which is hundreds of steps.
const WHOLE_PAGE: usize = 1000;
/// Items of a page where the newest are wanted, or are searched.
const PAGE: usize = 100;

/// A question for items, of the table or of an index.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// Of a partition.
    Table(Query),
    /// Of a partition of an index.
    Index(IndexQuery),
}

impl Question {
    /// All items of a partition whose sort keys begin with a prefix, as of now.
    pub(super) fn all(pk: String, prefix: impl Into<String>) -> Self {
        Self::Table(Query {
            pk,
            prefix: prefix.into(),
            direction: Direction::Ascending,
            limit: WHOLE_PAGE,
            after: None,
            consistency: Consistency::Strong,
        })
    }

    /// The items of a partition from the last on, as of now.
    pub(super) fn newest(pk: String) -> Self {
        Self::Table(Query {
            pk,
            prefix: String::new(),
            direction: Direction::Descending,
            limit: PAGE,
            after: None,
            consistency: Consistency::Strong,
        })
    }

    /// The items of an index partition from the last on.
    pub(super) fn newest_in(index: Index, pk: String) -> Self {
        let direction = Direction::Descending;
        Self::Index(IndexQuery { index, pk, direction, limit: PAGE, after: None })
    }

    /// Asks for smaller pages, where only so many items are wanted.
    pub(super) fn paged_for(mut self, most: usize) -> Self {
        let size = most.clamp(1, PAGE);
        match &mut self {
            Self::Table(query) => query.limit = size,
            Self::Index(query) => query.limit = size,
        }
        self
    }
}

impl Ledger {
    /// Reads what a question gives, in its order, until `most` were read or there are no more.
    /// `read` gives nothing for an item that is not wanted.
    pub(super) async fn gather<T>(
        &self,
        mut question: Question,
        most: usize,
        read: impl Fn(&Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut gathered = Vec::new();
        while gathered.len() < most {
            let page = match &question {
                Question::Table(query) => self.store.query(query).await?,
                Question::Index(query) => self.store.query_index(query).await?,
            };
            for item in &page.items {
                gathered.extend(read(item)?);
            }
            match &mut question {
                Question::Table(query) => query.after.clone_from(&page.next),
                Question::Index(query) => query.after.clone_from(&page.next),
            }
            if page.next.is_none() {
                break;
            }
        }
        gathered.truncate(most);
        Ok(gathered)
    }
}

//! The store: which of the two, and how a table is reached.

use super::{
    Draft,
    environments::{check_accounts, lend},
};
use crate::manifest::{
    error::ManifestErrorKind,
    project::{Home, StoreSetting, TableSetting},
    read::join,
    shape,
    source::Span,
};

impl Draft<'_> {
    /// Reads the store that a project names.
    pub(super) fn store(&mut self, table: Option<shape::Store>, project: &Home) -> StoreSetting {
        let Some(table) = table else { return StoreSetting::default() };
        let path = join(&self.path, "store");
        match (&table.dynamodb, &table.sqlite) {
            (Some(_), Some(sqlite)) => {
                let (key, other) = ("dynamodb", "sqlite");
                let kind = ManifestErrorKind::ConflictingKeys { place: path, key, other };
                self.reader.report(sqlite.span, kind);
                StoreSetting::default()
            }
            (None, sqlite) => {
                self.refuse_home(&table, &path);
                let sqlite = sqlite.as_ref().map(|file| StoreSetting::Sqlite((&file.value).into()));
                sqlite.unwrap_or_default()
            }
            (Some(_), None) => self.table(table, &path, project),
        }
    }

    /// Takes down what only a table can have.
    fn refuse_home(&mut self, table: &shape::Store, path: &str) {
        let keys: [(&str, Option<Span>); 5] = [
            ("region", table.region.as_ref().map(|text| text.span)),
            ("account", table.account.as_ref().map(|account| account.0.span)),
            ("role_arn", table.role_arn.as_ref().map(|text| text.span)),
            ("external_id", table.external_id.as_ref().map(|text| text.span)),
            ("profile", table.profile.as_ref().map(|text| text.span)),
        ];
        for (key, span) in keys {
            let Some(span) = span else { continue };
            let (place, needed) = (path.to_owned(), "dynamodb");
            self.reader.report(span, ManifestErrorKind::NeedsKey { place, key, needed });
        }
    }

    /// Reads a table and how to reach it.
    fn table(&mut self, table: shape::Store, path: &str, project: &Home) -> StoreSetting {
        let name = table.dynamodb.as_ref().and_then(|name| self.parse(name));
        let mut home = Home {
            region: self.region(table.region.as_ref()),
            account: table.account.as_ref().and_then(|account| self.account(account)),
            role_arn: table.role_arn.as_ref().and_then(|text| self.role_arn(text)),
            external_id: table.external_id.as_ref().map(|id| id.value.clone()),
            profile: table.profile.map(|profile| profile.value),
        };
        lend(&mut home.region, project.region.as_ref());
        lend(&mut home.profile, project.profile.as_ref());
        let checked = check_accounts(path, home.account.as_ref(), home.role_arn.as_ref());
        if let (Err(kind), Some(text)) = (checked, &table.role_arn) {
            self.reader.report(text.span, kind);
        }
        if let (Some(id), None) = (&table.external_id, &table.role_arn) {
            let (place, key, needed) = (path.to_owned(), "external_id", "role_arn");
            self.reader.report(id.span, ManifestErrorKind::NeedsKey { place, key, needed });
        }
        name.map_or_else(StoreSetting::default, |table| {
            StoreSetting::DynamoDb(Box::new(TableSetting { table, home }))
        })
    }
}

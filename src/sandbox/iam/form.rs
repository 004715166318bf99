//! The parameters of a request, as the form that it came as.

/// A request's parameters, in their order.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads them.
    pub(super) fn of(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// One by its name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list of texts: `Name.member.1` and so on.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}.member.");
        let of_list = self.0.iter().filter(|(key, _)| key.starts_with(&prefix));
        of_list.map(|(_, value)| value.clone()).collect()
    }

    /// A list of structures, each with its own parameters.
    pub(super) fn structures(&self, name: &str) -> Vec<Self> {
        let all = (1..).map(|number| self.below(&format!("{name}.member.{number}.")));
        all.take_while(|one| !one.0.is_empty()).collect()
    }

    /// The parameters whose names begin with a prefix, without it.
    fn below(&self, prefix: &str) -> Self {
        let inner = self
            .0
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())));
        Self(inner.collect())
    }
}

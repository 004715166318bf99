//! `GetParametersByPath`.

use aws_sdk_ssm::operation::get_parameters_by_path::{
    GetParametersByPathInput, GetParametersByPathOutput,
};

use super::{
    fault,
    filter::{Filters, Listing},
    name, page_size, page_start,
    parameter::Parameter,
};
use crate::sandbox::{
    call::{Call, Fault},
    page,
    state::Transaction,
};

/// Parameters on one page.
const MAX_RESULTS: i32 = 10;

/// Answers `GetParametersByPath`: what is below the path, sorted by name.
pub(super) fn get_parameters_by_path(
    call: &Call,
    transaction: &mut Transaction<'_>,
    input: &GetParametersByPathInput,
) -> Result<GetParametersByPathOutput, Fault> {
    let limit = page_size(input.max_results(), MAX_RESULTS)?;
    let path = read_path(input.path().unwrap_or_default())?;
    let filters = Filters::read(input.parameter_filters(), Listing::ByPath)?;
    let prefix = call.scope.key(&path);
    let after = page_start(input.next_token(), &prefix)?;
    let recursive = input.recursive().unwrap_or_default();
    let decrypt = input.with_decryption().unwrap_or_default();
    let page = page::read(transaction, &prefix, after, limit, |parameter: Parameter| {
        let is_below = recursive || is_right_below(&parameter.name, &path);
        let selector = filters.label_of(&parameter);
        if !is_below || !filters.hold(&parameter) {
            return None;
        }
        let version = parameter.select(selector.as_ref()).ok()?;
        Some(parameter.view(&call.scope, version, selector.as_ref(), decrypt))
    })?;
    Ok(GetParametersByPathOutput::builder()
        .set_parameters(Some(page.items))
        .set_next_token(page.next)
        .build())
}

/// Checks a path and gives the start that the names below it have. Below `/` is every name, those
/// without a hierarchy too.
pub(super) fn read_path(path: &str) -> Result<String, Fault> {
    let path = path.trim();
    let levels = path.trim_matches('/');
    let is_sound = |level: &str| !level.is_empty() && level.chars().all(name::is_name_char);
    if path.starts_with('/') && levels.is_empty() {
        return Ok(String::new());
    }
    if !path.starts_with('/') || !levels.split('/').all(is_sound) {
        return Err(fault::validation(
            "The parameter doesn't meet the parameter name requirements. The parameter name must \
             begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" \
             (case-insensitive). It must use only letters, numbers, or the following symbols: . \
             (period), - (hyphen), _ (underscore). Special characters are not allowed. All \
             sub-paths, if specified, must use the forward slash symbol \"/\".",
        ));
    }
    Ok(format!("/{levels}/"))
}

/// Whether a name below the path is on the next level, not deeper.
pub(super) fn is_right_below(name: &str, path: &str) -> bool {
    let rest = name.strip_prefix(path).unwrap_or(name);
    let rest = if path.is_empty() { rest.strip_prefix('/').unwrap_or(rest) } else { rest };
    !rest.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_start_of_names() {
        assert_eq!(read_path("/").unwrap(), "");
        assert_eq!(read_path("/a/b").unwrap(), "/a/b/");
        assert_eq!(read_path("/a/b/").unwrap(), "/a/b/");
        for path in ["", "a/b", "/a//b", "/a b", "//a*"] {
            assert!(read_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn one_level_is_the_next_one() {
        for (name, path, expected) in [
            ("/a/b", "/a/", true),
            ("/a/b/c", "/a/", false),
            ("/a", "", true),
            ("plain", "", true),
            ("/a/b", "", false),
        ] {
            assert_eq!(is_right_below(name, path), expected, "{name} below {path}");
        }
    }
}

//! What IAM's simulator answers, read.
//!
//! IAM gives one result for an action, whatever the number of resources: what it decided for each of them
//! is within (IAM API reference, `EvaluationResult`). Members come in any order. Invariant: an action on a
//! resource of which IAM said nothing is in no result.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use super::simulation::{Simulated, Simulation};

/// One page of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What is decided, an entry an action.
    results: Vec<Evaluation>,
    /// Where the next page begins, if there is one.
    pub(super) marker: Option<String>,
}

/// What is decided about an action.
#[derive(Debug, Default, PartialEq, Eq)]
struct Evaluation {
    /// The action.
    action: String,
    /// `*`, or the form of the ARNs that the action is on; once it was the resource.
    resource: String,
    /// What is decided about all resources together.
    decision: String,
    /// What is decided about each resource: its ARN, and the decision.
    each: Vec<(String, String)>,
}

/// The decision that allows.
const ALLOWED: &str = "allowed";

/// The text of an element.
fn text(element: &mut ScopedDecoder<'_, '_>) -> Result<String, XmlDecodeError> {
    Ok(try_data(element)?.trim().to_owned())
}

impl Page {
    /// Reads a page.
    pub(super) fn read(xml: &str) -> Result<Self, XmlDecodeError> {
        let mut document = Document::new(xml);
        let mut response = document.root_element()?;
        let mut page = Self::default();
        let mut is_truncated = false;
        while let Some(mut result) = response.next_tag() {
            while let Some(mut member) = result.next_tag() {
                match member.start_el().local() {
                    "EvaluationResults" => page.results = evaluations(&mut member)?,
                    "IsTruncated" => is_truncated = text(&mut member)? == "true",
                    "Marker" => page.marker = Some(text(&mut member)?),
                    _ => {}
                }
            }
        }
        page.marker = page.marker.filter(|_| is_truncated);
        Ok(page)
    }
}

/// The results of a list.
fn evaluations(list: &mut ScopedDecoder<'_, '_>) -> Result<Vec<Evaluation>, XmlDecodeError> {
    let mut results = Vec::new();
    while let Some(mut result) = list.next_tag() {
        let mut evaluation = Evaluation::default();
        while let Some(mut member) = result.next_tag() {
            match member.start_el().local() {
                "EvalActionName" => evaluation.action = text(&mut member)?,
                "EvalResourceName" => evaluation.resource = text(&mut member)?,
                "EvalDecision" => evaluation.decision = text(&mut member)?,
                "ResourceSpecificResults" => evaluation.each = of_resources(&mut member)?,
                _ => {}
            }
        }
        results.push(evaluation);
    }
    Ok(results)
}

/// What a list says of each resource.
fn of_resources(list: &mut ScopedDecoder<'_, '_>) -> Result<Vec<(String, String)>, XmlDecodeError> {
    let mut each = Vec::new();
    while let Some(mut result) = list.next_tag() {
        let (mut resource, mut decision) = (String::new(), String::new());
        while let Some(mut member) = result.next_tag() {
            match member.start_el().local() {
                "EvalResourceName" => resource = text(&mut member)?,
                "EvalResourceDecision" => decision = text(&mut member)?,
                _ => {}
            }
        }
        each.push((resource, decision));
    }
    Ok(each)
}

impl Evaluation {
    /// What it says of a resource.
    fn of<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a str> {
        let whole = (self.resource == resource).then_some(self.decision.as_str());
        let mut each = self.each.iter().filter(move |(of, _)| of == resource).peekable();
        // What is said of the resource itself counts, and not what is said of all together.
        let whole = whole.filter(|_| each.peek().is_none());
        each.map(|(_, decision)| decision.as_str()).chain(whole)
    }
}

/// What all pages say of everything that was asked; or an action and a resource of which they say
/// nothing.
pub(super) fn answers(
    asked: &Simulation,
    pages: &[Page],
) -> Result<Vec<Simulated>, (String, String)> {
    let of = |action: &String, resource: &String| {
        let results = pages.iter().flat_map(|page| &page.results);
        let about = results.filter(|one| one.action.eq_ignore_ascii_case(action));
        let said: Vec<&str> = about.flat_map(|one| one.of(resource)).collect();
        if said.iter().all(|decision| decision.is_empty()) {
            return Err((action.clone(), resource.clone()));
        }
        let is_allowed = said.iter().all(|decision| *decision == ALLOWED);
        Ok(Simulated { action: action.clone(), resource: resource.clone(), is_allowed })
    };
    let pairs = asked
        .actions
        .iter()
        .flat_map(|action| asked.resources.iter().map(move |resource| (action, resource)));
    pairs.map(|(action, resource)| of(action, resource)).collect()
}

/// The code and the message of an answer that is an error, as far as it has them.
pub(super) fn refusal(xml: &str) -> (Option<String>, Option<String>) {
    let (mut code, mut message) = (None, None);
    let mut document = Document::new(xml);
    let Ok(mut response) = document.root_element() else { return (None, None) };
    while let Some(mut error) = response.next_tag() {
        while let Some(mut member) = error.next_tag() {
            match member.start_el().local() {
                "Code" => code = text(&mut member).ok(),
                "Message" => message = text(&mut member).ok(),
                _ => {}
            }
        }
    }
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question about some actions and resources.
    fn asked(actions: &[&str], resources: &[&str]) -> Simulation {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Simulation {
            principal: "arn:aws:iam::111111111111:role/deployer".to_owned(),
            actions: texts(actions),
            resources: texts(resources),
            context: Vec::new(),
        }
    }

    /// An answer around results.
    fn answer(results: &str, more: &str) -> String {
        format!(
            "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n\
             <SimulatePrincipalPolicyResult>{more}\n<EvaluationResults>{results}</EvaluationResults>\n\
             </SimulatePrincipalPolicyResult>\n<ResponseMetadata><RequestId>1cdb5b0a</RequestId>\n\
             </ResponseMetadata></SimulatePrincipalPolicyResponse>"
        )
    }

    /// What is read of answers, a line each.
    fn read(asked: &Simulation, xml: &[String]) -> Result<Vec<String>, (String, String)> {
        let pages: Vec<Page> = xml.iter().map(|xml| Page::read(xml).unwrap()).collect();
        let told = answers(asked, &pages)?;
        let line = |one: &Simulated| {
            let verdict = if one.is_allowed { "yes" } else { "no" };
            format!("{verdict} {} {}", one.action, one.resource)
        };
        Ok(told.iter().map(line).collect())
    }

    /// A statement that decided, which has members of its own.
    const MATCHED: &str = "<MatchedStatements><member><SourcePolicyId>deploy</SourcePolicyId>\
        <EndPosition><Column>4</Column><Line>7</Line></EndPosition>\
        <StartPosition><Column>16</Column><Line>3</Line></StartPosition></member></MatchedStatements>";

    #[test]
    fn the_decision_is_that_of_the_same_result_wherever_it_stands() {
        let bucket = "arn:aws:s3:::shop";
        let results = format!(
            "<member>{MATCHED}<MissingContextValues/><EvalResourceName>{bucket}</EvalResourceName>\
             <EvalDecision>allowed</EvalDecision><EvalActionName>s3:GetObject</EvalActionName></member>\
             <member><MatchedStatements/><MissingContextValues/>\
             <EvalResourceName>{bucket}</EvalResourceName><EvalDecision>implicitDeny</EvalDecision>\
             <EvalActionName>s3:PutObject</EvalActionName></member>\
             <member><EvalDecision>explicitDeny</EvalDecision>\
             <EvalActionName>s3:DeleteObject</EvalActionName>\
             <EvalResourceName>{bucket}</EvalResourceName></member>"
        );
        let asked = asked(&["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], &[bucket]);
        let xml = answer(&results, "<IsTruncated>false</IsTruncated>");
        assert_eq!(
            read(&asked, &[xml]).unwrap(),
            [
                "yes s3:GetObject arn:aws:s3:::shop",
                "no s3:PutObject arn:aws:s3:::shop",
                "no s3:DeleteObject arn:aws:s3:::shop",
            ]
        );
    }

    #[test]
    fn each_resource_has_its_own_decision() {
        let (one, other) = ("arn:aws:s3:::shop/a", "arn:aws:s3:::shop/b&c");
        let results = format!(
            "<member>{MATCHED}<EvalDecision>explicitDeny</EvalDecision><ResourceSpecificResults>\
             <member>{MATCHED}<EvalResourceDecision>allowed</EvalResourceDecision>\
             <EvalResourceName>{one}</EvalResourceName></member>\
             <member><EvalResourceName>arn:aws:s3:::shop/b&amp;c</EvalResourceName>\
             <EvalResourceDecision>explicitDeny</EvalResourceDecision></member>\
             </ResourceSpecificResults><EvalActionName>s3:GetObject</EvalActionName>\
             <EvalResourceName>arn:${{Partition}}:s3:::${{BucketName}}/${{KeyName}}</EvalResourceName>\
             </member>"
        );
        let xml = answer(&results, "");
        let told = read(&asked(&["s3:GetObject"], &[other, one]), &[xml]).unwrap();
        assert_eq!(
            told,
            ["no s3:GetObject arn:aws:s3:::shop/b&c", "yes s3:GetObject arn:aws:s3:::shop/a"]
        );
    }

    #[test]
    fn what_iam_says_nothing_of_is_not_given() {
        let result = |action: &str, resource: &str, decision: &str| {
            format!(
                "<member><EvalDecision>{decision}</EvalDecision><EvalActionName>{action}\
                 </EvalActionName><EvalResourceName>{resource}</EvalResourceName></member>"
            )
        };
        let arn = "arn:aws:ecs:eu-west-1:111111111111:service/shop/web";
        let form =
            "arn:${Partition}:ecs:${Region}:${Account}:service/${ClusterName}/${ServiceName}";
        let update = "ecs:UpdateService";
        for (resource, results) in [
            (arn, String::new()),
            (arn, result("ecs:StopTask", arn, "allowed")),
            (arn, result(update, form, "allowed")),
            (arn, result(update, "*", "allowed")),
            (arn, result(update, arn, "")),
            ("*", result(update, form, "allowed")),
        ] {
            let asked = asked(&[update], &[resource]);
            let silent = read(&asked, &[answer(&results, "")]);
            assert_eq!(silent, Err((update.to_owned(), resource.to_owned())), "{results}");
        }
        // An answer that is cut off ends where it ends.
        let whole = answer(&result(update, "*", "allowed"), "");
        let cut = whole.split("<EvalResourceName>").next().unwrap().to_owned();
        assert!(read(&asked(&[update], &["*"]), &[cut]).is_err());
        assert_eq!(read(&asked(&[update], &["*"]), &[whole]).unwrap(), ["yes ecs:UpdateService *"]);
    }

    #[test]
    fn an_answer_goes_on_where_it_says_so() {
        let page = |more: &str| Page::read(&answer("", more)).unwrap().marker;
        let marker = "<Marker>a&amp;b</Marker>";
        assert_eq!(page(&format!("{marker}<IsTruncated>true</IsTruncated>")), Some("a&b".into()));
        assert_eq!(page(&format!("<IsTruncated>false</IsTruncated>{marker}")), None);
        assert_eq!(page("<IsTruncated>true</IsTruncated>"), None);
    }

    #[test]
    fn a_refusal_is_read() {
        let xml = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error>\
                   <Type>Sender</Type><Code>AccessDenied</Code><Message>User: &quot;x&quot; is not \
                   authorized</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        let told = refusal(xml);
        assert_eq!(told.0.as_deref(), Some("AccessDenied"));
        assert_eq!(told.1.as_deref(), Some("User: \"x\" is not authorized"));
        assert_eq!(refusal("<html>"), (None, None));
        assert_eq!(refusal(""), (None, None));
    }
}

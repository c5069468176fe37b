//! The outcome as a `JUnit` report: a section is a suite, an item a case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::outcome::Outcome;
use crate::model::item::Section;
use crate::model::standing::Standing;

/// Failing items are failures, unknown ones errors; what nobody can decide by now, does not apply or
/// is waived is skipped, and says so: it neither holds nor is it to break a pipeline.
pub(super) fn render(sections: &[Section], outcomes: &[Outcome<'_>]) -> Result<String, String> {
    let mut report = Report::new("vigie");
    for section in sections {
        let of_section = outcomes.iter().filter(|outcome| outcome.card.section == section.id);
        let cases: Vec<_> = of_section.map(case).collect();
        if !cases.is_empty() {
            let mut suite = TestSuite::new(section.title.as_str());
            suite.add_test_cases(cases);
            report.add_test_suite(suite);
        }
    }
    report.to_string().map_err(|error| format!("can't write JUnit: {error}"))
}

fn case(outcome: &Outcome<'_>) -> TestCase {
    let Outcome { card, standing, reason, because, attested, report, .. } = outcome;
    let mut status = match standing {
        Standing::Failing => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Standing::Pending | Standing::Waived | Standing::NotApplicable => TestCaseStatus::skipped(),
        Standing::Passing | Standing::Warning => TestCaseStatus::success(),
    };
    if *standing != Standing::Passing {
        status.set_message(because.as_str());
        if let Some(reason) = reason {
            status.set_type(reason.code());
        }
    }
    let mut case = TestCase::new(card.title.as_str(), status);
    case.set_classname(card.id.as_str());
    if let Some(report) = report {
        case.set_time(report.took);
    }
    if *standing == Standing::Warning || *attested {
        case.set_system_out(because.as_str());
    }
    case
}

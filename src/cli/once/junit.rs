//! The outcome as a `JUnit` report: a section is a suite, an item a case.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::outcome::Outcome;
use crate::model::item::Section;
use crate::model::standing::Standing;

/// Failing items are failures, unknown ones errors, those that do not apply are skipped.
pub(super) fn render(sections: &[Section], outcomes: &[Outcome]) -> Result<String, String> {
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

fn case(outcome: &Outcome) -> TestCase {
    let Outcome { card, standing, reason, because, report } = outcome;
    let mut status = match standing {
        Standing::Failing => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Unknown | Standing::Pending => TestCaseStatus::non_success(NonSuccessKind::Error),
        Standing::NotApplicable => TestCaseStatus::skipped(),
        Standing::Passing | Standing::Warning | Standing::Waived => TestCaseStatus::success(),
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
    if *standing == Standing::Warning {
        case.set_system_out(because.as_str());
    }
    case
}

//! `rollup`: how other items stand on the board.

use jiff::Timestamp;
use vigie::checks::rollup::Rollup;
use vigie::model::item::ItemId;
use vigie::model::judgement::Judgement;
use vigie::model::records::{Member, Records};
use vigie::model::standing::Shown;
use vigie::model::standing::Standing::{self, *};
use vigie::systems::clock::Clock;

use super::{Provocation, provoke};
use crate::support::{look_recorded, systems};

#[tokio::test]
async fn every_reason_of_rollup_is_given() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    rows! { Rollup:
        "MemberFailing" Fail of(&[Passing, Unknown, Failing]);
        "MemberUnknown" Unknown of(&[Pending, Unknown]);
        "NotYet" Unknown of(&[Passing, Pending]);
        "MemberWarning" Warn of(&[Passing, Warning]);
        "MemberWaived" Warn of(&[Passing, Waived]);
        "NoMembers" Unknown of(&[NotApplicable]);
    }
}

async fn of(standings: &[Standing]) -> Judgement {
    let member = |(number, standing): (usize, &Standing)| Member {
        id: ItemId::parse(&format!("item-{number}")).expect("an id"),
        shown: Shown {
            standing: *standing,
            reason: None,
            because: "of the test".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        },
    };
    let members = standings.iter().enumerate().map(member).collect();
    let records = Records { members, ..Records::default() };
    look_recorded("rollup: { items: [a] }", &systems("{}", Clock::System), &records).await
}

#[tokio::test]
async fn who_is_worst_is_named_and_the_others_counted() {
    let judgement = of(&[Failing, Passing, Failing]).await;
    assert_eq!(judgement.because(), "item-0: failing: of the test (and 1 more)");
}

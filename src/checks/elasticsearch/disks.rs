//! Disks against the cluster's own watermarks.

use super::indices::named;
use super::parameters::Disks;
use super::{DISK, DISK_FILLING, DISK_FULL, INDEX_READ_ONLY, NOT_COUNTED};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::systems::api::Asking;
use crate::systems::elasticsearch::Elasticsearch;
use crate::systems::elasticsearch::disk::{Blocked, Disk, Room, Watermarks};

/// What was seen of disks.
#[derive(Debug)]
pub(super) struct DisksSeen {
    pub(super) disks: Result<Vec<Disk>, Obstacle>,
    pub(super) watermarks: Result<Watermarks, Obstacle>,
    pub(super) blocked: Result<Blocked, Obstacle>,
}

pub(super) async fn look(cluster: &Elasticsearch, asking: Asking<'_>) -> DisksSeen {
    DisksSeen {
        disks: cluster.disks(asking).await,
        watermarks: cluster.watermarks(asking).await,
        blocked: cluster.blocked(asking).await,
    }
}

pub(super) fn judge(wanted: &Disks, seen: &DisksSeen, connection: &str, judgement: &mut Judgement) {
    match (&seen.disks, &seen.watermarks) {
        (Ok(disks), Ok(marks)) => judge_disks(disks, marks, connection, judgement),
        (Err(obstacle), _) | (_, Err(obstacle)) => judgement.add("disks", obstacle.clone()),
    }
    if !wanted.writable.0 {
        return;
    }
    match &seen.blocked {
        Ok(Blocked { shown: 0, .. }) => {
            let because = "no index is shown to this credential";
            judgement.add("writing", Obstacle::new(NOT_COUNTED, because));
        }
        Ok(Blocked { closed, shown }) if closed.is_empty() => {
            let because =
                format!("of the indices that are shown, {shown}, none is closed for want of room");
            judgement.add("writing", Finding::pass(because));
        }
        Ok(Blocked { closed, .. }) => {
            let because = format!("closed to writers, since a disk was full: {}", named(closed));
            judgement.add("writing", Finding::fail(INDEX_READ_ONLY, because));
        }
        Err(obstacle) => judgement.add("writing", obstacle.clone()),
    }
}

fn judge_disks(disks: &[Disk], marks: &Watermarks, connection: &str, judgement: &mut Judgement) {
    if disks.is_empty() {
        let because = "the cluster tells of no disk";
        judgement.add("disks", Obstacle::new(NOT_COUNTED, because));
    }
    for disk in disks {
        let subject = format!("disk of {}", disk.node);
        match disk.room {
            Some(room) => judgement.add(subject, held(room, marks)),
            None => {
                let because = "the cluster does not say how full it is";
                judgement.add(subject, Obstacle::new(NOT_COUNTED, because));
            }
        }
    }
    let fullest = disks.iter().filter_map(|disk| disk.room).map(Room::used).max_by(f64::total_cmp);
    if let Some(fullest) = fullest {
        judgement.measure(DISK.is(fullest, [connection]));
    }
}

fn held(room: Room, marks: &Watermarks) -> Finding {
    let Watermarks { heeded, low, high, flood } = marks;
    let left = bytesize::ByteSize(room.available);
    let said = format!("{:.1} % used, {left} left", room.used() * 100.0);
    let unheeded = if *heeded { "" } else { " (which the cluster is told not to heed)" };
    if flood.reached(room) {
        let because =
            format!("{said}: above the flood stage{unheeded}, indices are closed to writers");
        Finding::fail(DISK_FULL, because)
    } else if high.reached(room) {
        let because = format!("{said}: above the high watermark{unheeded}, shards leave it");
        Finding::fail(DISK_FULL, because)
    } else if low.reached(room) {
        let because = format!("{said}: above the low watermark{unheeded}, no more shards go there");
        Finding::warn(DISK_FILLING, because)
    } else {
        Finding::pass(format!("{said}: below the low watermark"))
    }
}

//! Which targets are stamped with which logs in this call.

use super::{super::logs::Member, by_log};
use crate::{
    job::Job,
    report::Report,
    stamp::{self, StampError, Target, Wish},
};

/// What `treering resume` goes on with.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Going<'a> {
    /// What leads to the target.
    pub(in super::super) job: &'a Job,
    /// Of the target's logs, those with one of these.
    pub(in super::super) jobs: &'a [Job],
    /// Where the log is now.
    pub(in super::super) log: Option<&'a str>,
}

/// A target, by each of the logs that it is to be stamped with: their places among the members.
pub(super) struct Task {
    pub(super) sides: Vec<(usize, Target)>,
}

/// Is something stamped with this member?
pub(super) fn uses(tasks: &[Task], member: usize) -> bool {
    tasks.iter().flat_map(|task| &task.sides).any(|(used, _)| *used == member)
}

/// The tasks of these targets. What one of several logs can't be stamped with now is said, and left out.
///
/// # Errors
/// Evidence that is in the way; what keeps all logs of a target from being stamped with.
pub(super) fn tasks(
    targets: &[Target],
    members: &[Member],
    going: Option<Going<'_>>,
    wish: &Wish,
    report: &mut Report,
) -> Result<Vec<Task>, StampError> {
    let mut tasks = Vec::new();
    for target in targets {
        let mut sides = Vec::new();
        for (number, member) in members.iter().enumerate() {
            let side = member.name.as_ref().map_or_else(|| target.clone(), |name| target.by_log(name));
            sides.push((number, stamp::job(&side, wish)?, side));
        }
        if let Some(going) = going {
            if !sides.iter().any(|(_, job, _)| job == going.job) {
                continue;
            }
            sides.retain(|(_, job, _)| going.jobs.contains(job));
        }
        sides.iter().try_for_each(|(_, _, side)| side.check(wish))?;
        let (mut free, mut faults) = (Vec::new(), Vec::new());
        for (number, _, side) in sides {
            match stamp::check_unfinished(&side, wish) {
                Ok(()) => free.push((number, side)),
                Err(error) => faults.push((number, error)),
            }
        }
        if free.is_empty() && !faults.is_empty() {
            return Err(faults.swap_remove(0).1);
        }
        for (number, error) in faults {
            report.problem(
                by_log::verdict(&error),
                format_args!("{}: {error}\nThe others are stamped with all the same.", members[number].url),
            );
        }
        tasks.push(Task { sides: free });
    }
    Ok(tasks)
}

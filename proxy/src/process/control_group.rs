//! What our control group, and those above it, may use: as in cgroups(7), version 2 or 1.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How a limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The least of what `limit` finds in the folders of our group and all above it; nothing if none is limited.
pub(super) fn least<T: Ord>(
    controller: &str,
    limit: impl Fn(&Path, Version) -> Option<T>,
) -> Option<T> {
    let (membership, root) = (Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    least_of(membership, root, controller, limit)
}

/// `membership` is the file that tells which group is ours, `root` where groups are mounted.
pub(super) fn least_of<T: Ord>(
    membership: &Path,
    root: &Path,
    controller: &str,
    limit: impl Fn(&Path, Version) -> Option<T>,
) -> Option<T> {
    let membership = fs::read_to_string(membership).ok()?;
    let limits = membership.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        let (top, version) = match controllers {
            "" => (root.to_owned(), Version::Two),
            some if some.split(',').any(|name| name == controller) => {
                (root.join(controller), Version::One)
            }
            _ => return None,
        };
        let group: PathBuf = top.join(group.trim_start_matches('/'));
        let within = group
            .ancestors()
            .take_while(|folder| folder.starts_with(&top));
        within.filter_map(|folder| limit(folder, version)).min()
    });
    limits.min()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What is found of a membership and of limits in files.
    pub(in crate::process) fn found<T: Ord>(
        membership: &str,
        files: &[(&str, &str)],
        controller: &str,
        limit: impl Fn(&Path, Version) -> Option<T>,
    ) -> Option<T> {
        let home = tempfile::tempdir().unwrap();
        let (file, root) = (home.path().join("cgroup"), home.path().join("mounted"));
        fs::write(&file, membership).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        least_of(&file, &root, controller, limit)
    }

    #[test]
    fn a_controller_of_version_1_is_found_by_its_name_alone_or_among_others() {
        let version =
            |folder: &Path, version| folder.join("limit").exists().then_some(version as u8);
        for (membership, file, expected) in [
            (
                "3:cpu,cpuacct:/a\n",
                "cpu/a/limit",
                Some(Version::One as u8),
            ),
            ("1:cpu:/\n", "cpu/limit", Some(Version::One as u8)),
            ("3:cpuset:/a\n", "cpu/a/limit", None),
            ("0::/a\n", "limit", Some(Version::Two as u8)),
        ] {
            assert_eq!(found(membership, &[(file, "")], "cpu", version), expected);
        }
    }
}

//! Commands for security groups of OpenStack
//! (<https://docs.openstack.org/python-openstackclient/latest/cli/command-objects/security-group-rule.html>).

use super::{Remedy, Wanted, single};
use crate::rules::cloud::address::alone;
use crate::rules::cloud::fields::shell;

pub(super) fn group(wanted: &Wanted<'_>) -> Remedy {
    single(
        format!(
            "openstack security group rule create --{} --ethertype {} --protocol {} --dst-port {} \
             --remote-ip {} {}",
            wanted.direction(),
            wanted.version(),
            wanted.protocol(),
            wanted.dashed().replace('-', ":"),
            alone(wanted.address),
            shell(&wanted.group.id)
        ),
        "openstack security group rule delete ID-PRINTED-BY-THE-FIRST-COMMAND".to_owned(),
    )
}

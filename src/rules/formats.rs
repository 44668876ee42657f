//! Texts of rules in forms that are not read: each is told by name, with the command whose output to
//! give instead.

use super::unreadable::{Fault, Unreadable};

/// A form that is not read.
#[derive(Debug)]
struct Form {
    /// What it is.
    name: &'static str,
    /// What to give instead.
    instead: &'static str,
    /// Whether it is taken for rules of the host, where it is not refused.
    misleads: bool,
    /// Whether a line, without the spaces round it, is of this form and of no other.
    tells: fn(&str) -> bool,
}

/// What the host itself has made of the settings of a front end.
const HOST: &str = "what iptables-save and nft list ruleset print, as root";

static FORMS: [Form; 23] = [
    Form {
        name: "a Kubernetes network policy, which the network plugin of each node carries out",
        instead: "what iptables-save and nft list ruleset print on the node of the pod, as root",
        misleads: false,
        tells: |line| {
            let value = line.strip_prefix("kind:").map(str::trim);
            value.is_some_and(|kind| kind.trim_matches('"').ends_with("NetworkPolicy"))
                || (line.contains(r#""kind""#) && line.contains(r#"NetworkPolicy""#))
        },
    },
    Form {
        name: "an access list of Cisco",
        instead: "the rules of the host: what iptables-save and nft list ruleset print there; of a \
                  router, only its own packet counters tell (show access-lists)",
        misleads: false,
        tells: |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let acts =
                |word: &str| matches!(word, "permit" | "deny" | "extended" | "remark" | "line");
            match words.as_slice() {
                ["access-list", _, word, ..] => acts(word),
                ["ip", "access-list", "extended" | "standard", ..] => true,
                ["ipv6", "access-list", ..] => true,
                ["Extended" | "Standard", "IP", "access", "list", ..] => true,
                [number, "permit" | "deny", protocol, ..] => {
                    number.parse::<u32>().is_ok() && is_protocol(protocol)
                }
                ["permit" | "deny", protocol, source, ..] => {
                    is_protocol(protocol)
                        && (matches!(*source, "any" | "host") || is_address(source))
                }
                _ => false,
            }
        },
    },
    Form {
        name: "a firewall filter or security policy of Junos",
        instead: "the rules of the host: what iptables-save and nft list ruleset print there",
        misleads: false,
        tells: |line| {
            line.starts_with("set firewall f")
                || line.starts_with("set security policies ")
                || line.starts_with("from-zone ")
                || (line.starts_with("family inet") && line.ends_with('{'))
                || (line.starts_with("term ") && line.ends_with('{'))
        },
    },
    Form {
        name: "rules of pf (pf.conf, or pfctl -s rules)",
        instead: "the rules of a Linux host: pf is that of BSD and macOS, which this program does not read",
        misleads: false,
        tells: |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["block" | "pass", next, ..] => matches!(
                    *next,
                    "in" | "out"
                        | "all"
                        | "drop"
                        | "return"
                        | "log"
                        | "quick"
                        | "on"
                        | "inet"
                        | "proto"
                ),
                ["set", "skip", "on", ..] | ["scrub", "in", ..] | ["rdr", "pass", ..] => true,
                _ => false,
            }
        },
    },
    Form {
        name: "rules of ipfw",
        instead: "the rules of a Linux host: ipfw is that of FreeBSD, which this program does not read",
        misleads: false,
        tells: |line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            matches!(words.as_slice(), [number, "allow" | "deny" | "count" | "reset", _, "from", ..]
                if number.parse::<u32>().is_ok())
        },
    },
    Form {
        name: "rules of MikroTik",
        instead: "the rules of the host: what iptables-save and nft list ruleset print there",
        misleads: false,
        tells: |line| {
            line.starts_with("/ip firewall")
                || (line.starts_with("add ") && line.contains("chain=") && line.contains("action="))
        },
    },
    Form {
        name: "a policy of FortiGate",
        instead: "the rules of the host: what iptables-save and nft list ruleset print there",
        misleads: false,
        tells: |line| line.starts_with("config firewall ") || line.starts_with("set srcintf "),
    },
    Form {
        name: "rules of the Windows firewall",
        instead: "the rules of a Linux host: those of Windows are not read",
        misleads: false,
        tells: |line| {
            (line.starts_with("Rule Name:") && line.len() > 11)
                || line.starts_with("netsh advfirewall firewall")
                || line.starts_with("New-NetFirewallRule ")
        },
    },
    Form {
        name: "what the AWS command line prints as a table, as text or as YAML",
        instead: "the same command with --output json",
        misleads: false,
        tells: |line| {
            let bare = line.trim_matches(['|', '+', ' ']);
            matches!(
                bare,
                "DescribeSecurityGroups" | "DescribeSecurityGroupRules" | "DescribeNetworkAcls"
            ) || matches!(line, "SecurityGroups:" | "IpPermissions:" | "NetworkAcls:")
                || [
                    "SECURITYGROUPS\t",
                    "IPPERMISSIONS\t",
                    "SECURITYGROUPRULES\t",
                    "NETWORKACLS\t",
                ]
                .iter()
                .any(|start| line.starts_with(start))
                || line.split_whitespace().next().is_some_and(|word| {
                    matches!(
                        word,
                        "SECURITYGROUPS"
                            | "IPPERMISSIONS"
                            | "IPPERMISSIONSEGRESS"
                            | "SECURITYGROUPRULES"
                            | "NETWORKACLS"
                    )
                })
        },
    },
    Form {
        name: "what gcloud prints as a table or as YAML",
        instead: "the same command with --format=json",
        misleads: false,
        tells: |line| {
            (line.starts_with("NAME ")
                && line.contains(" DIRECTION ")
                && line.contains(" PRIORITY"))
                || line.starts_with("- IPProtocol:")
        },
    },
    Form {
        name: "what the Azure command line prints as a table or as YAML",
        instead: "the same command with -o json",
        misleads: false,
        tells: |line| {
            (line.starts_with("Name ") && line.contains(" Priority ") && line.contains(" Access"))
                || matches!(line, "securityRules:" | "defaultSecurityRules:")
        },
    },
    Form {
        name: "what the OpenStack command line prints as a table",
        instead: "the same command with -f json",
        misleads: false,
        tells: |line| line.contains(" IP Protocol ") && line.contains(" Port Range "),
    },
    Form {
        name: "the configuration of Terraform",
        instead: "its state: terraform show -json",
        misleads: false,
        tells: |line| line.starts_with("resource \"") && line.ends_with('{'),
    },
    Form {
        name: "a template of CloudFormation",
        instead: "what aws ec2 describe-security-groups --output json prints",
        misleads: false,
        tells: |line| {
            line.contains("AWS::EC2::SecurityGroup") || line.contains("AWS::EC2::NetworkAcl")
        },
    },
    Form {
        name: "the configuration of a zone or policy of firewalld (XML)",
        instead: HOST,
        misleads: false,
        tells: |line| {
            [
                "<zone",
                "<policy",
                "<service name=",
                "<rule family=",
                "<direct",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        },
    },
    Form {
        name: "rich rules of firewalld",
        instead: HOST,
        misleads: false,
        tells: |line| line.starts_with("rule family=") || line.starts_with("rule priority="),
    },
    Form {
        name: "a file of ufw's own rules, which is but a part of what filters",
        instead: HOST,
        misleads: true,
        tells: |line| line.starts_with("### tuple ###"),
    },
    Form {
        name: "what ufw show added prints, which leaves out much of what filters",
        instead: HOST,
        misleads: false,
        tells: |line| {
            line.starts_with("Added user rules (see")
                || ["ufw allow ", "ufw deny ", "ufw reject ", "ufw limit "]
                    .iter()
                    .any(|start| line.starts_with(start))
        },
    },
    Form {
        name: "rules of ebtables or arptables, which filter frames and no addresses of connections",
        instead: HOST,
        misleads: true,
        tells: |line| {
            [
                "Bridge table: ",
                "Bridge chain: ",
                "# Generated by ebtables",
                "# Generated by arptables",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        },
    },
    Form {
        name: "hosts.allow or hosts.deny, which programs read and no packet filter does",
        instead: HOST,
        misleads: false,
        tells: |line| {
            let Some((daemon, _)) = line.split_once(':') else {
                return false;
            };
            matches!(daemon.trim(), "sshd" | "ALL" | "mysqld") && !line.contains("::")
        },
    },
    Form {
        name: "rules of Shorewall",
        instead: HOST,
        misleads: false,
        tells: |line| line.starts_with("?SECTION ") || line.starts_with("SECTION NEW"),
    },
    Form {
        name: "what uci show firewall prints",
        instead: HOST,
        misleads: false,
        tells: |line| line.starts_with("firewall.@") || line.starts_with("config rule"),
    },
    Form {
        name: "the settings of CSF",
        instead: HOST,
        misleads: false,
        tells: |line| line.starts_with("TCP_IN = ") || line.starts_with("TCP_OUT = "),
    },
];

fn is_protocol(word: &str) -> bool {
    matches!(word, "ip" | "tcp" | "udp" | "icmp" | "ipv6" | "any")
}

fn is_address(word: &str) -> bool {
    word.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a text is of a form that is not read, and where it shows.
pub(super) fn other(text: &str) -> Option<Unreadable> {
    find(text, |_| true)
}

/// The same for the forms that are taken for rules of the host, where they are not refused.
pub(super) fn misleading(text: &str) -> Option<Unreadable> {
    find(text, |form| form.misleads)
}

fn find(text: &str, wanted: fn(&Form) -> bool) -> Option<Unreadable> {
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let line = line.trim();
        let mut forms = FORMS.iter().filter(|form| wanted(form));
        let form = forms.find(|form| (form.tells)(line))?;
        Some(Unreadable::at(number, 1, fault(form.name, form.instead)))
    })
}

/// What a JSON document is that is of no kind which is read.
pub(super) fn of_json(text: &str) -> Fault {
    if text.contains("\"IpProtocol\"") {
        return fault(
            "the permissions of a security group without the group",
            "what aws ec2 describe-security-groups --output json prints, without --query",
        );
    }
    other(text).map_or(Fault::ForeignJson, |unreadable| unreadable.fault)
}

const fn fault(name: &'static str, instead: &'static str) -> Fault {
    Fault::OtherForm { name, instead }
}

#[cfg(test)]
mod tests {
    use super::{FORMS, of_json, other};
    use crate::rules::input::read;
    use crate::rules::ruleset::Family;
    use crate::rules::unreadable::Fault;

    /// Of each form, in their order, a text as people have it.
    const TEXTS: [&str; 23] = [
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec:\n  podSelector: {}\n",
        "ip access-list extended IN\n 10 permit tcp any host 10.0.0.5 eq 3306\n",
        "set firewall family inet filter F term t then accept\n",
        "set skip on lo\nblock in all\npass in on em0 proto tcp from any to any port 22\n",
        "00100 allow ip from any to any via lo0\n",
        "/ip firewall filter\nadd action=drop chain=input src-address=10.0.0.0/8\n",
        "config firewall policy\n edit 1\n  set srcintf \"port1\"\n",
        "Rule Name:      MySQL\nEnabled:        Yes\n",
        "-----\n|  DescribeSecurityGroups  |\n+----+\n",
        "NAME   NETWORK  DIRECTION  PRIORITY  ALLOW\na      default  INGRESS    1000      tcp:22\n",
        "Name    ResourceGroup    Priority    Access\n----    ----    ----    ----\n",
        "| ID | IP Protocol | Ethertype | IP Range | Port Range | Direction |\n",
        "resource \"aws_security_group\" \"db\" {\n  name = \"db\"\n}\n",
        "Resources:\n  Db:\n    Type: AWS::EC2::SecurityGroup\n",
        "<?xml version=\"1.0\"?>\n<zone>\n  <service name=\"ssh\"/>\n</zone>\n",
        "rule family=\"ipv4\" source address=\"10.0.0.1\" reject\n",
        "*filter\n:ufw-user-input - [0:0]\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n\
         -A ufw-user-input -p tcp --dport 22 -j ACCEPT\nCOMMIT\n",
        "Added user rules (see 'ufw status' for running firewall):\nufw allow 22/tcp\n",
        "# Generated by ebtables-save v1.0\n*filter\n:INPUT ACCEPT\n",
        "sshd: 10.0.0.0/8\nALL: ALL\n",
        "?SECTION NEW\nACCEPT net $FW tcp 22\n",
        "firewall.@rule[0]=rule\nfirewall.@rule[0].src='wan'\n",
        "TCP_IN = \"20,21,22\"\nTCP_OUT = \"20,21,22\"\n",
    ];

    #[test]
    fn each_form_that_is_not_read_is_told_by_its_name() {
        for (form, text) in FORMS.iter().zip(TEXTS) {
            let fault = read(text, Family::Ip).map_err(|unreadable| unreadable.fault);
            let wanted = Fault::OtherForm {
                name: form.name,
                instead: form.instead,
            };
            assert_eq!(fault.err(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn rules_that_are_read_are_of_no_other_form() {
        for text in [
            "-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n",
            "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n",
            "Chain INPUT (policy DROP)\ntarget     prot opt source               destination\n",
            "create s hash:ip family inet\nadd s 10.0.0.1\n",
        ] {
            assert_eq!(other(text), None, "{text}");
        }
    }

    #[test]
    fn permissions_without_their_group_are_told_as_such() {
        let fault = of_json(r#"[{"IpProtocol":"tcp","FromPort":22,"ToPort":22}]"#);
        assert!(fault.to_string().contains("without the group"), "{fault}");
        let policy = r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy"}"#;
        assert!(of_json(policy).to_string().contains("Kubernetes"));
        assert_eq!(of_json(r#"{"a":1}"#), Fault::ForeignJson);
    }
}

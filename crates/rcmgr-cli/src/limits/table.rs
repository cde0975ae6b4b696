//! Limits as tables for people: those of scopes, then those of connections by their addresses.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::{self, Write},
};

use rcmgr_config::Size;
use rcmgr_core::{Limit, Limits, Name, PeerKey, Rate, Resource, ScopeId, ScopeLimit, ipnet::IpNet};

/// Limits, to be shown as tables.
pub struct Table<'a>(pub &'a Limits);

/// The longest name that has its limits beside it; those of a longer one are below it.
const BESIDE: usize = 19;

/// Each column with the spaces before it: directions and classes stand close to their total.
const COLUMNS: [(Resource, usize, &str); 12] = [
    (Resource::Memory, 2, "memory"),
    (Resource::Streams, 2, "streams"),
    (Resource::StreamsInbound, 1, "in"),
    (Resource::StreamsOutbound, 1, "out"),
    (Resource::Connections, 2, "conns"),
    (Resource::ConnectionsInbound, 1, "in"),
    (Resource::ConnectionsOutbound, 1, "out"),
    (Resource::FileDescriptors, 2, "fd"),
    (Resource::Tasks, 2, "tasks"),
    (Resource::TasksHigh, 1, "high"),
    (Resource::TasksMedium, 1, "medium"),
    (Resource::TasksLow, 1, "low"),
];

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scopes(self.0, f)?;
        f.write_char('\n')?;
        addresses(self.0, f)
    }
}

fn scopes(limits: &Limits, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let scopes = rows(limits);
    let of_tasks =
        [Resource::Tasks, Resource::TasksHigh, Resource::TasksMedium, Resource::TasksLow];
    let said = |resource| scopes.iter().any(|(_, limit)| !limit.get(resource).is_unlimited());
    let shown = |(resource, _, _): &(Resource, usize, &str)| {
        !of_tasks.contains(resource) || said(*resource)
    };
    let columns: Vec<_> = COLUMNS.into_iter().filter(shown).collect();
    let gaps: Vec<usize> = columns.iter().map(|(_, gap, _)| *gap).collect();
    let heads = columns.iter().map(|(_, _, head)| (*head).to_owned());
    let mut cells = vec![line("scope", heads)];
    for (name, limit) in scopes {
        let limits = columns.iter().map(|(resource, _, _)| cell(*resource, limit.get(*resource)));
        if name.chars().count() > BESIDE {
            cells.push(vec![name]);
            cells.push(line("", limits));
        } else {
            cells.push(line(&name, limits));
        }
    }
    align(&cells, &gaps, f)
}

fn cell(resource: Resource, limit: Limit) -> String {
    match (limit, resource) {
        (Limit::UNLIMITED, _) => "unlimited".to_owned(),
        (limit, Resource::Memory) => Size(limit.get()).to_string(),
        (limit, _) => limit.get().to_string(),
    }
}

/// Every scope with its name, those of single names below their class.
fn rows(limits: &Limits) -> Vec<(String, ScopeLimit)> {
    let mut rows = vec![
        ("system".to_owned(), limits.system),
        ("  allowlisted".to_owned(), limits.allowlisted_system),
        ("transient".to_owned(), limits.transient),
        ("  allowlisted".to_owned(), limits.allowlisted_transient),
    ];
    let mut class = |title: &str, limit: &ScopeLimit, named: &HashMap<Name, ScopeLimit>| {
        rows.push((title.to_owned(), *limit));
        let sorted: BTreeMap<_, _> = named.iter().collect();
        let below = sorted.into_iter();
        rows.extend(below.map(|(name, limit)| (format!("  {}", name.escape_debug()), *limit)));
    };
    class("service", &limits.service, &limits.services);
    class("service, each peer", &limits.service_peer, &limits.service_peers);
    class("protocol", &limits.protocol, &limits.protocols);
    class("protocol, each peer", &limits.protocol_peer, &limits.protocol_peers);
    rows.push(("peer".to_owned(), limits.peer));
    let peers: BTreeMap<&PeerKey, &ScopeLimit> = limits.peers.iter().collect();
    let named = |(key, limit): (&PeerKey, &ScopeLimit)| {
        (format!("  {}", ScopeId::Peer(key.clone())), *limit)
    };
    rows.extend(peers.into_iter().map(named));
    rows.push(("connection".to_owned(), limits.connection));
    rows.push(("stream".to_owned(), limits.stream));
    rows
}

fn addresses(limits: &Limits, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (ip, rates) = (&limits.ip, &limits.rates);
    let heads = ["connections", "opened at once", "then per second"];
    let mut cells = vec![line("address", heads.map(str::to_owned))];
    let mut row = |name: &str, limit: Option<&Limit>, rate: Option<&Rate>| {
        let limit = limit.copied().unwrap_or_default();
        let rate = rate.copied().unwrap_or_default();
        let rate = match rate.is_unlimited() {
            true => ["unlimited".to_owned(), "unlimited".to_owned()],
            false => [rate.burst().to_string(), rate.per_second().to_string()],
        };
        let limit = cell(Resource::Connections, limit);
        cells.push(line(name, [limit].into_iter().chain(rate)));
    };
    row("all together", None, Some(&rates.global));
    row("without an address", None, Some(&rates.without_ip));
    for (version, limits, rates) in
        [(4, &ip.subnets_v4, &rates.subnets_v4), (6, &ip.subnets_v6, &rates.subnets_v6)]
    {
        let lengths: BTreeSet<u8> = limits.keys().chain(rates.keys()).copied().collect();
        for length in lengths {
            let name = format!("each IPv{version} /{length}");
            row(&name, limits.get(&length), rates.get(&length));
        }
    }
    let networks: BTreeSet<&IpNet> = ip.networks.keys().chain(rates.networks.keys()).collect();
    for network in networks {
        row(&network.to_string(), ip.networks.get(network), rates.networks.get(network));
    }
    align(&cells, &[2; 3], f)
}

fn line(name: &str, cells: impl IntoIterator<Item = String>) -> Vec<String> {
    [name.to_owned()].into_iter().chain(cells).collect()
}

/// Lines with the first column to the left and the others to the right. A cell that is alone on its
/// line is as long as it is.
fn align(lines: &[Vec<String>], gaps: &[usize], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut widths = vec![0; gaps.len() + 1];
    for line in lines.iter().filter(|line| line.len() > 1) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in lines {
        match line.as_slice() {
            [name, cells @ ..] if !cells.is_empty() => {
                write!(f, "{name:<0$}", widths[0])?;
                for ((cell, gap), width) in cells.iter().zip(gaps).zip(&widths[1..]) {
                    write!(f, "{:gap$}{cell:>width$}", "")?;
                }
            }
            alone => f.write_str(&alone.concat())?,
        }
        f.write_char('\n')?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_config::libp2p::defaults;

    #[test]
    fn the_defaults_fit_80_columns_on_usual_machines() {
        for memory in [0, 200 << 20, 1 << 30, 3 << 30, 10 << 30, 16 << 30, 64 << 30] {
            let text = Table(&defaults().scale(memory, 1 << 19)).to_string();
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{memory}: {line}");
            }
        }
    }

    #[test]
    fn tasks_are_shown_where_they_are_limited() {
        let mut limits = Limits::default();
        let heads = |limits: &Limits| {
            let text = Table(limits).to_string();
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert!(!heads(&limits).contains("tasks"));
        limits.peers.insert(
            b"\x01".as_slice().into(),
            ScopeLimit::UNLIMITED.with(Resource::TasksLow, Limit::new(16)),
        );
        assert!(heads(&limits).ends_with("fd       low"), "{}", heads(&limits));
        assert!(Table(&limits).to_string().contains("  peer 0x01"));
    }

    #[test]
    fn names_cannot_break_lines() {
        let mut limits = Limits::default();
        limits.services.insert("a\n\u{1b}[31m".into(), ScopeLimit::BLOCK_ALL);
        let text = Table(&limits).to_string();
        assert!(text.contains("\n  a\\n\\u{1b}[31m "), "{text}");
    }
}

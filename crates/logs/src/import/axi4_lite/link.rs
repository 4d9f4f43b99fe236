//! Which wires of a waveform are those of an AXI4-Lite link, told by their names.

/// A wire that has a part in a link: the signal of that name in Arm IHI 0022.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::import) enum Role {
    AwAddr,
    AwValid,
    AwReady,
    WData,
    WStrb,
    WValid,
    WReady,
    BResp,
    BValid,
    BReady,
    ArAddr,
    ArValid,
    ArReady,
    RData,
    RResp,
    RValid,
    RReady,
    /// AWLEN or ARLEN, which full AXI4 has and AXI4-Lite has not.
    Burst,
}

impl Role {
    const COUNT: usize = Role::Burst as usize + 1;

    /// What a link that carries writes cannot do without.
    const OF_WRITES: [Role; 8] = [
        Role::AwAddr,
        Role::AwValid,
        Role::AwReady,
        Role::WData,
        Role::WValid,
        Role::WReady,
        Role::BValid,
        Role::BReady,
    ];

    /// What a link that carries reads cannot do without.
    const OF_READS: [Role; 6] =
        [Role::ArAddr, Role::ArValid, Role::ArReady, Role::RData, Role::RValid, Role::RReady];

    fn new(channel: &str, signal: &str) -> Option<Role> {
        Some(match (channel, signal) {
            ("aw", "addr") => Role::AwAddr,
            ("aw", "valid") => Role::AwValid,
            ("aw", "ready") => Role::AwReady,
            ("w", "data") => Role::WData,
            ("w", "strb") => Role::WStrb,
            ("w", "valid") => Role::WValid,
            ("w", "ready") => Role::WReady,
            ("b", "resp") => Role::BResp,
            ("b", "valid") => Role::BValid,
            ("b", "ready") => Role::BReady,
            ("ar", "addr") => Role::ArAddr,
            ("ar", "valid") => Role::ArValid,
            ("ar", "ready") => Role::ArReady,
            ("r", "data") => Role::RData,
            ("r", "resp") => Role::RResp,
            ("r", "valid") => Role::RValid,
            ("r", "ready") => Role::RReady,
            ("aw" | "ar", "len") => Role::Burst,
            _ => return None,
        })
    }
}

/// Splits `S_AXI_AWADDR`, `s00_axi_awaddr`, `i_axi_awaddr`, `x_aw_payload_addr`, `aw_addr` and
/// their like into the link's name and the wire's part in it.
fn split(name: &str) -> Option<(String, Role)> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_suffix("_i").or_else(|| lower.strip_suffix("_o")).unwrap_or(&lower);
    for signal in ["addr", "valid", "ready", "data", "strb", "resp", "len"] {
        let Some(rest) = bare.strip_suffix(signal) else { continue };
        let rest =
            rest.strip_suffix("_payload_").or_else(|| rest.strip_suffix('_')).unwrap_or(rest);
        for channel in ["aw", "ar", "w", "b", "r"] {
            let Some(prefix) = rest.strip_suffix(channel) else { continue };
            if prefix.ends_with(|c: char| c.is_ascii_alphanumeric()) {
                continue;
            }
            let prefix = prefix.trim_end_matches('_');
            let prefix = prefix
                .strip_prefix("i_")
                .or_else(|| prefix.strip_prefix("o_"))
                .unwrap_or(if matches!(prefix, "i" | "o") { "" } else { prefix });
            return Some((prefix.to_owned(), Role::new(channel, signal)?));
        }
    }
    None
}

/// A wire of a waveform.
#[derive(Clone, Debug)]
pub(in crate::import) struct Signal<T> {
    /// The scopes it lies in, outermost first, joined by dots.
    pub(in crate::import) scope: String,
    /// Its own name.
    pub(in crate::import) name: String,
    /// Bits.
    pub(in crate::import) width: u32,
    /// By what the waveform knows it; equal for wires that are one.
    pub(in crate::import) id: T,
}

/// Which level of the reset signal is a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Reset {
    /// As `ARESETn`.
    Low,
    /// As many designs have it within.
    High,
}

/// The wires of one link.
#[derive(Clone, Debug)]
pub(in crate::import) struct Link<T> {
    /// Scope and prefix: `top.dut.s_axi`.
    pub(in crate::import) name: String,
    /// The clock, when one was found by its name.
    pub(in crate::import) clock: Option<T>,
    /// The reset, when one was found by its name.
    pub(in crate::import) reset: Option<(T, Reset)>,
    signals: [Option<(T, u32)>; Role::COUNT],
}

impl<T: Copy + PartialEq> Link<T> {
    /// The wire that plays `role`.
    pub(in crate::import) fn signal(&self, role: Role) -> Option<T> {
        self.signals[role as usize].map(|(id, _)| id)
    }

    /// Bits of the wire that plays `role`; 0 without one.
    pub(in crate::import) fn width(&self, role: Role) -> u32 {
        self.signals[role as usize].map_or(0, |(_, width)| width)
    }

    /// All wires of the channels.
    pub(in crate::import) fn signals(&self) -> impl Iterator<Item = T> {
        self.signals.iter().flatten().map(|&(id, _)| id)
    }

    /// Whether all wires that writes, or all that reads need are there.
    fn is_complete(&self) -> bool {
        let has_all = |roles: &[Role]| roles.iter().all(|&role| self.signal(role).is_some());
        has_all(&Role::OF_WRITES) || has_all(&Role::OF_READS)
    }

    /// Whether both are names for the same wires.
    fn is_same(&self, other: &Self) -> bool {
        self.signals == other.signals
    }
}

/// The links that are complete for reads or for writes, each once, outer scopes first.
pub(in crate::import) fn find_links<T: Copy + PartialEq>(signals: &[Signal<T>]) -> Vec<Link<T>> {
    let mut links: Vec<(&str, String, Link<T>)> = Vec::new();
    for signal in signals {
        let Some((prefix, role)) = split(&signal.name) else { continue };
        let known = links.iter().position(|(scope, of, _)| *scope == signal.scope && *of == prefix);
        let index = known.unwrap_or_else(|| {
            let dot = if signal.scope.is_empty() || prefix.is_empty() { "" } else { "." };
            let name = format!("{}{dot}{prefix}", signal.scope);
            let link = Link { name, clock: None, reset: None, signals: [None; Role::COUNT] };
            links.push((&signal.scope, prefix, link));
            links.len() - 1
        });
        let link = &mut links[index].2;
        link.signals[role as usize] = Some((signal.id, signal.width));
    }
    links.retain(|(_, _, link)| link.is_complete());
    links.sort_by_key(|(scope, _, _)| scope.matches('.').count());
    let mut found: Vec<Link<T>> = Vec::new();
    for (scope, prefix, mut link) in links {
        if found.iter().any(|other| other.is_same(&link)) {
            continue;
        }
        link.clock = nearest(signals, scope, &prefix, &["aclk", "clk", "clock"]);
        let low = ["aresetn", "resetn", "rst_n", "rstn", "reset_n", "areset_n"];
        let high = ["areset", "reset", "rst"];
        link.reset = nearest(signals, scope, &prefix, &low)
            .map(|id| (id, Reset::Low))
            .or_else(|| nearest(signals, scope, &prefix, &high).map(|id| (id, Reset::High)));
        found.push(link);
    }
    found
}

/// The one-bit wire of one of these names, in the link's scope or the nearest around it; a name
/// with the link's own prefix goes before one without.
fn nearest<T: Copy>(signals: &[Signal<T>], scope: &str, prefix: &str, names: &[&str]) -> Option<T> {
    let mut scope = Some(scope);
    while let Some(here) = scope {
        for with in [format!("{prefix}_"), String::new()] {
            for name in names {
                let wanted = format!("{with}{name}");
                let found = signals.iter().find(|signal| {
                    let name = signal.name.to_ascii_lowercase();
                    let bare = name.strip_suffix("_i").unwrap_or(&name);
                    let bare = bare.strip_prefix("i_").unwrap_or(bare);
                    signal.width == 1 && signal.scope == here && bare == wanted
                });
                if let Some(signal) = found {
                    return Some(signal.id);
                }
            }
        }
        scope = match here.rsplit_once('.') {
            Some((outer, _)) => Some(outer),
            None if here.is_empty() => None,
            None => Some(""),
        };
    }
    None
}

//! Limits in the formats of others, and in our own.

use std::io::{self, Write};

use rcmgr_config::{
    Effective, LeftOut, Settings, document::Syntax, flow, greenfield, kubo, libp2p, native,
};

use super::{Failure, Out};
use crate::args::limits::To;

/// Prints all that is in effect.
pub fn complete(effective: &Effective, to: To, out: &mut Out) -> Result<(), Failure> {
    let (text, left_out) = match to {
        To::Native | To::Yaml => ours(&native::complete(effective), Syntax::Yaml),
        To::Toml => ours(&native::complete(effective), Syntax::Toml),
        To::Json => ours(&native::complete(effective), Syntax::Json),
        To::Libp2p => libp2p::write(effective),
        To::Kubo => kubo::write(effective),
        To::Flow => flow::write(effective),
        To::Greenfield => greenfield::write(effective),
    };
    tell(&text, &left_out, out)
}

/// Prints what was said, without what holds by default where the format lets that be.
pub fn said(effective: &Effective, to: To, out: &mut Out) -> Result<(), Failure> {
    let syntax = match to {
        To::Native | To::Yaml => Syntax::Yaml,
        To::Toml => Syntax::Toml,
        To::Json => Syntax::Json,
        To::Libp2p => {
            let (text, left_out) = libp2p::write_said(effective);
            return tell(&text, &left_out, out);
        }
        // Their formats are complete, or say by themselves what is a default.
        To::Kubo | To::Flow | To::Greenfield => return complete(effective, to, out),
    };
    let (text, left_out) = ours(effective.settings(), syntax);
    tell(&text, &left_out, out)
}

fn ours(settings: &Settings, syntax: Syntax) -> (String, Vec<LeftOut>) {
    (native::write(settings, syntax), Vec::new())
}

fn tell(text: &str, left_out: &[LeftOut], out: &mut Out) -> Result<(), Failure> {
    write!(out, "{text}")?;
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    for left_out in left_out {
        writeln!(io::stderr(), "rcmgr: {left_out}")?;
    }
    Ok(())
}

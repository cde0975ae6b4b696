#![no_main]

use rcmgr_config::Format;
use rcmgr_config_fuzz::read;

libfuzzer_sys::fuzz_target!(|text: &str| read(Format::Flow, text));

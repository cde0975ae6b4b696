#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| rcmgr_config_fuzz::variables(text));

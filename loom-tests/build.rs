//! Tells the engine's sources that they are compiled for the models.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(rcmgr_loom)");
    println!("cargo::rustc-check-cfg=cfg(feature, values(\"fault-injection\"))");
    println!("cargo::rustc-cfg=rcmgr_loom");
    println!("cargo::rerun-if-changed=build.rs");
}

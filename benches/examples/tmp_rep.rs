//! tmp
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use rcmgr_benches::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: u64 = a[3].parse().unwrap();
    for c in contenders() {
        if c.name == a[1] {
            let scenario = *Scenario::ALL.iter().find(|s| s.name() == a[2]).unwrap();
            let setup = Setup { scenario, threads: 1, peers: Peers::Shared, small: false };
            if let Ok(Timed::Here(mut w)) = (c.prepare)(&setup) {
                let w = &mut w[0];
                w.ready(n);
                w.run(n / 10);
                let t = std::time::Instant::now();
                w.ready(n);
                w.run(n);
                println!("{} {} {:.1}", a[1], a[2], t.elapsed().as_nanos() as f64 / n as f64);
            }
        }
    }
}

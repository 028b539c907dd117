//! What things cost, on both databases; run by hand with `--ignored --nocapture`.

use super::*;

/// What a session start costs, and a batch of the audit log; it depends on the disk.
#[tokio::test]
#[ignore = "measures; run by hand"]
async fn measure_what_a_session_start_costs() {
    const ROUNDS: u32 = 500;
    let places = [Some(Place::file()), Place::server("measures").await];
    for (name, place) in ["SQLite", "PostgreSQL"].into_iter().zip(places) {
        let Some(place) = place else { continue };
        let store = place.open().await;
        store.add_certificate(&certificate(7, at(0))).await.unwrap();
        let mut spent = [Duration::ZERO; 4];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            store.certificate(7).await.unwrap();
            spent[0] += start.elapsed();
            let start = Instant::now();
            store.add_session(&session("alice", "web1")).await.unwrap();
            spent[1] += start.elapsed();
            let start = Instant::now();
            store.append_audit(at(0), &[failed("x")]).await.unwrap();
            spent[2] += start.elapsed();
        }
        for round in 0..u64::from(ROUNDS) {
            let numbers = round * 256 + 1..=(round + 1) * 256;
            let batch: Vec<_> = numbers.map(|number| QueuedEvent { number, at: at(0), event: failed("x") }).collect();
            let start = Instant::now();
            store.append_queued("a", &batch).await.unwrap();
            spent[3] += start.elapsed();
        }
        let spent = spent.map(|time| time / ROUNDS);
        println!("{name}: certificate, add_session, append_audit, append_queued of 256: {spent:?}");
    }
}

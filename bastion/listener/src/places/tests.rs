use super::*;

/// A hundred places, fifty for each source, and ten thousand connections.
fn places() -> Arc<Places> {
    let limits = PlaceLimits { connections: 10_000, unauthenticated: 100, unauthenticated_per_source: 50 };
    Places::new("test", limits, Arc::default())
}

fn address(number: u32) -> IpAddr {
    IpAddr::from((0x7f00_0000 + number).to_be_bytes())
}

/// A connection whose peer has spoken, as each honest one does.
fn speaking(places: &Arc<Places>, from: u32) -> Place {
    let place = silent(places, from);
    place.heard();
    place
}

fn silent(places: &Arc<Places>, from: u32) -> Place {
    places.admit(address(from), Instant::now())
}

fn stays(place: &Place) -> bool {
    !place.displaced().is_cancelled()
}

#[test]
fn silent_connections_make_room_for_those_who_speak() {
    // From one address and from two hundred; those who log in come from another one, or from one of these.
    for (sources, honest) in [(1, 9_000), (200, 9_000), (1, 0), (200, 0)] {
        let places = places();
        let mut crowd = Vec::new();
        let mut logins = Vec::new();
        for number in 0..10_000 {
            crowd.push(silent(&places, number % sources));
            if number % 1_000 == 0 {
                logins.push(speaking(&places, honest));
            }
        }
        assert_eq!(logins.iter().filter(|place| stays(place)).count(), 10, "{sources} sources, login from {honest}");
        assert!(crowd.iter().filter(|place| stays(place)).count() <= 90);
        assert!(crowd.last().is_some_and(stays), "the newest is let in");
        drop((crowd, logins));
        assert!(places.lock().sources.is_empty() && places.lock().connections == 0);
    }
}

#[test]
fn a_source_has_its_number_of_places() {
    let places = places();
    let flood: Vec<_> = (0..1_000).map(|_| speaking(&places, 1)).collect();
    assert_eq!(flood.iter().filter(|place| stays(place)).count(), 50);
    assert_eq!(places.lock().waiting.len(), 50);
}

#[test]
fn a_peer_that_has_been_silent_goes_before_a_crowd_that_speaks() {
    let places = places();
    // An office logs in, and many strangers hold one place each.
    let before = Instant::now().checked_sub(SILENCE).unwrap();
    let strangers: Vec<_> = (0..60).map(|number| places.admit(address(1_000 + number), before)).collect();
    let office: Vec<_> = (0..40).map(|_| speaking(&places, 1)).collect();
    let more: Vec<_> = (0..10).map(|_| speaking(&places, 1)).collect();
    assert!(office.iter().chain(&more).all(stays));
    assert_eq!(strangers.iter().filter(|place| stays(place)).count(), 50);
    assert!(!stays(&strangers[9]) && stays(&strangers[10]), "the oldest went");
}

#[test]
fn a_share_is_kept_for_networks_that_people_have_logged_in_from() {
    let places = places();
    speaking(&places, 1).authenticated();
    let known: Vec<_> = (0..25).map(|_| speaking(&places, 1)).collect();
    // More sources than places, and all of them speak: nothing else tells them from honest ones.
    let flood: Vec<_> = (0..10_000).map(|number| speaking(&places, 100 + number)).collect();
    assert!(known.iter().all(stays));
    assert_eq!(flood.iter().filter(|place| stays(place)).count(), 75);
    // Nor do known ones keep strangers out.
    let crowd: Vec<_> = (0..1_000).map(|_| speaking(&places, 1)).collect();
    assert_eq!(flood.iter().filter(|place| stays(place)).count(), 75);
    assert_eq!(crowd.iter().filter(|place| stays(place)).count(), 25);
}

#[tokio::test]
async fn who_has_logged_in_makes_room_for_nobody() {
    let limits = PlaceLimits { connections: 10, unauthenticated: 10, unauthenticated_per_source: 10 };
    let places = Places::new("test", limits, Arc::default());
    let users: Vec<_> = (0..9).map(|number| speaking(&places, number)).collect();
    users.iter().for_each(Place::authenticated);
    let first = speaking(&places, 100);
    let second = speaking(&places, 101);
    assert!(!stays(&first) && stays(&second));
    places.make_room();
    assert!(!stays(&second));
    drop((first, second));
    let last = speaking(&places, 102);
    last.authenticated();
    assert!(users.iter().chain([&last]).all(stays));

    // Full of users: the next one waits until one of them goes.
    let mut vacancy = std::pin::pin!(places.vacancy());
    assert!(tokio::time::timeout(Duration::from_millis(50), vacancy.as_mut()).await.is_err());
    drop(last);
    vacancy.await;
    assert_eq!(places.lock().connections, 9);
}

#[test]
fn what_was_dropped_is_summed_up() {
    let places = places();
    let start = Instant::now();
    let _flood: Vec<_> = (0..1_000).map(|_| places.admit(address(1), start)).collect();
    assert_eq!(places.lock().displaced, 949, "the first one was reported at once");
    drop(places.admit(address(1), start + REPORT_INTERVAL));
    assert_eq!(places.lock().displaced, 0);
}

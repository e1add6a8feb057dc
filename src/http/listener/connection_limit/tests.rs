use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn seats(connections: usize, connections_per_address: usize, anonymous_per_address: usize) -> ConnectionLimiter {
    let trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    let config = ConnectionConfig {
        connections,
        connections_per_address,
        anonymous_per_address,
        trusted_proxies,
        ..ConnectionConfig::default()
    };
    ConnectionLimiter::new(config, Metrics::default())
}

#[test]
fn an_address_has_so_many_seats_and_all_together_have_so_many() {
    let (seats, [one, two, three]) = (seats(3, 2, 2), [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last])));
    let taken = [seats.acquire(one), seats.acquire(one), seats.acquire(two)];
    assert!(taken.iter().all(Option::is_some));
    assert!(seats.acquire(three).is_none(), "the limit is reached");
    let [first, second, _third] = taken;
    drop(first);
    assert!(seats.acquire(one).is_some());
    let _other = seats.acquire(two);
    drop(second);
    assert!(seats.acquire(two).is_none(), "it has two");
    assert!(seats.acquire(one).is_some());
}

#[test]
fn an_address_without_a_connection_is_forgotten() {
    let seats = seats(10, 1, 1);
    let seat = seats.acquire(address("127.0.0.1"));
    assert!(seats.acquire(address("::ffff:127.0.0.1")).is_none(), "the same");
    drop(seat);
    assert!(seats.0.taken().by_network.is_empty());
    assert_eq!(seats.0.taken().all, 0);
}

#[test]
fn an_address_has_fewer_seats_without_a_token() {
    let (seats, here) = (seats(10, 3, 1), address("192.0.2.1"));
    let first = seats.acquire(here).expect("a seat");
    assert!(seats.acquire(here).is_none(), "one has no valid token");
    first.authenticated();
    first.authenticated();
    let second = seats.acquire(here).expect("a seat");
    assert!(seats.acquire(here).is_none(), "one has no valid token");
    second.authenticated();
    let third = seats.acquire(here).expect("a seat");
    third.authenticated();
    assert!(seats.acquire(here).is_none(), "the address has three");
    drop((first, second));
    let _other = seats.acquire(here).expect("a seat");
    assert!(seats.acquire(here).is_none(), "one has no valid token");
    assert!(seats.acquire(address("192.0.2.2")).is_some());
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_address() {
    let seats = seats(10, 1, 1);
    let _seat = seats.acquire(address("2001:db8:0:1::1")).expect("a seat");
    assert!(seats.acquire(address("2001:db8:0:1:ffff:ffff:ffff:ffff")).is_none());
    assert!(seats.acquire(address("2001:db8:0:2::1")).is_some());
}

#[test]
fn a_trusted_proxy_has_all_seats_and_its_clients_have_their_own() {
    let (seats, proxy, client) = (seats(5, 2, 1), address("10.0.0.1"), address("192.0.2.1"));
    let connections: Vec<_> = (0..5).map(|_| seats.acquire(proxy).expect("a seat")).collect();
    assert!(seats.acquire(proxy).is_none(), "the limit is reached");
    let request = connections[0].for_client(client).expect("a seat");
    assert!(connections[1].for_client(client).is_none(), "the limit of its address");
    assert!(connections[1].for_client(address("192.0.2.2")).is_some(), "another's");
    request.authenticated();
    assert!(connections[1].for_client(client).is_some());
    drop(request);
    connections[0].authenticated();
    drop(connections);
    assert!(seats.0.taken().by_network.is_empty());
    assert_eq!(seats.0.taken().all, 0);
}

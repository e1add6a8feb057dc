use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn limiter(connections: usize, connections_per_address: usize, anonymous_per_address: usize) -> ConnectionLimiter {
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
fn connections_are_limited_per_address_and_in_total() {
    let (limiter, [one, two, three]) = (limiter(3, 2, 2), [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last])));
    let taken = [limiter.acquire(one), limiter.acquire(one), limiter.acquire(two)];
    assert!(taken.iter().all(Option::is_some));
    assert!(limiter.acquire(three).is_none(), "the limit is reached");
    let [first, second, _third] = taken;
    drop(first);
    assert!(limiter.acquire(one).is_some());
    let _other = limiter.acquire(two);
    drop(second);
    assert!(limiter.acquire(two).is_none(), "it has two");
    assert!(limiter.acquire(one).is_some());
}

#[test]
fn an_address_without_a_connection_is_forgotten() {
    let limiter = limiter(10, 1, 1);
    let permit = limiter.acquire(address("127.0.0.1"));
    assert!(limiter.acquire(address("::ffff:127.0.0.1")).is_none(), "the same");
    drop(permit);
    assert!(limiter.0.taken().by_network.is_empty());
    assert_eq!(limiter.0.taken().all, 0);
}

#[test]
fn an_address_has_fewer_connections_without_a_token() {
    let (limiter, here) = (limiter(10, 3, 1), address("192.0.2.1"));
    let first = limiter.acquire(here).expect("a seat");
    assert!(limiter.acquire(here).is_none(), "one has no valid token");
    first.authenticated();
    first.authenticated();
    let second = limiter.acquire(here).expect("a seat");
    assert!(limiter.acquire(here).is_none(), "one has no valid token");
    second.authenticated();
    let third = limiter.acquire(here).expect("a seat");
    third.authenticated();
    assert!(limiter.acquire(here).is_none(), "the address has three");
    drop((first, second));
    let _other = limiter.acquire(here).expect("a seat");
    assert!(limiter.acquire(here).is_none(), "one has no valid token");
    assert!(limiter.acquire(address("192.0.2.2")).is_some());
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_address() {
    let limiter = limiter(10, 1, 1);
    let _seat = limiter.acquire(address("2001:db8:0:1::1")).expect("a seat");
    assert!(limiter.acquire(address("2001:db8:0:1:ffff:ffff:ffff:ffff")).is_none());
    assert!(limiter.acquire(address("2001:db8:0:2::1")).is_some());
}

#[test]
fn the_address_limit_applies_to_a_proxys_clients_not_the_proxy() {
    let (limiter, proxy, client) = (limiter(5, 2, 1), address("10.0.0.1"), address("192.0.2.1"));
    let connections: Vec<_> = (0..5).map(|_| limiter.acquire(proxy).expect("a seat")).collect();
    assert!(limiter.acquire(proxy).is_none(), "the limit is reached");
    let request = connections[0].for_client(client).expect("a seat");
    assert!(connections[1].for_client(client).is_none(), "the limit of its address");
    assert!(connections[1].for_client(address("192.0.2.2")).is_some(), "another's");
    request.authenticated();
    assert!(connections[1].for_client(client).is_some());
    drop(request);
    connections[0].authenticated();
    drop(connections);
    assert!(limiter.0.taken().by_network.is_empty());
    assert_eq!(limiter.0.taken().all, 0);
}

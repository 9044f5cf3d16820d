//! Addresses: where to listen, and whose word about the client's address is believed.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The largest networks that may be trusted: 10.0.0.0/8 and `fc00::/7` are the largest private ones. A larger
/// network takes in strangers, who could then say that they are anybody.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 7;

/// Parses an IP address and a port. The error reads on from the setting's name.
pub(super) fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "is {text:?}. Write an IP address and a port, such as 127.0.0.1:8066, 0.0.0.0:8066 or [::1]:8066."
        )
    })
}

/// Parses networks and addresses separated by commas. The error reads on from the setting's name.
pub(super) fn parse_trusted_proxies(text: &str) -> Result<Vec<IpNet>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(parse_network)
        .collect()
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("has {text:?}. Write addresses or networks, such as 127.0.0.1,10.0.0.0/8."))?;
    let shortest = match network {
        IpNet::V4(_) => MIN_PREFIX_V4,
        IpNet::V6(_) => MIN_PREFIX_V6,
    };
    if network.prefix_len() < shortest {
        return Err(format!(
            "has {text}, which takes in strangers: they could then claim any address. \
             Write the networks of your own proxies."
        ));
    }
    if let IpNet::V6(v6) = network
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err(format!(
            "has {text}. Write an IPv4 network as IPv4, such as 10.0.0.0/8."
        ));
    }
    Ok(network.trunc())
}

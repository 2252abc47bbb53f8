//! A graph of dependencies, and the circles in it.

use std::collections::{BTreeMap, BTreeSet};

/// Maps each node to the nodes that it uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The shortest circle through the first node that has one: its nodes in order.
pub fn circle(graph: &Graph) -> Option<Vec<String>> {
    graph.keys().find_map(|start| way_back(graph, start))
}

/// The shortest way from `start` back to `start`, found breadth first.
pub fn way_back(graph: &Graph, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut reached = vec![start];
    let mut position = 0;
    while let Some(node) = reached.get(position).copied() {
        position += 1;
        for next in graph.get(node).into_iter().flatten() {
            if next == start {
                let mut way = vec![node.to_owned()];
                let mut node = node;
                while let Some(before) = came_from.get(node) {
                    way.push((*before).to_owned());
                    node = before;
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, node);
                reached.push(next);
            }
        }
    }
    None
}

#[test]
fn a_circle_is_found() {
    let edges = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&edges(&[("z", "a"), ("a", "b"), ("b", "c"), ("c", "a")]));
    assert_eq!(found, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    let found = circle(&edges(&[("a", "b"), ("b", "c"), ("c", "a"), ("b", "a")]));
    assert_eq!(found, Some(["a", "b"].map(str::to_owned).to_vec()));
}

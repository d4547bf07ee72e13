package service

// merge lays mappings over each other, the lowest first: maps merge by key, scalars and lists replace, null removes.
// That is the one rule for every key.
func merge(layers ...*node) *node {
	merged := &node{kind: mapKind}
	for _, layer := range layers {
		if layer != nil && layer.kind == mapKind {
			merged.origin = layer.origin
			merged.path = layer.path
			merged.lay(layer)
		}
	}
	return merged
}

func (n *node) lay(over *node) {
	for _, e := range over.entries {
		at := -1
		for i := range n.entries {
			if n.entries[i].key == e.key {
				at = i
			}
		}
		switch {
		case e.value.kind == nullKind && at >= 0:
			n.entries = append(n.entries[:at], n.entries[at+1:]...)
		case e.value.kind == nullKind:
		case at < 0 && e.value.kind == mapKind:
			n.entries = append(n.entries, entry{e.key, e.at, merge(e.value)})
		case at < 0:
			n.entries = append(n.entries, e)
		case e.value.kind == mapKind && n.entries[at].value.kind == mapKind:
			n.entries[at] = entry{e.key, e.at, merge(n.entries[at].value, e.value)}
		default:
			n.entries[at] = e
		}
	}
}

// leaves calls f for every scalar and list below n, with its key relative to n.
func (n *node) leaves(path string, f func(path string, leaf *node)) {
	if n.kind != mapKind {
		f(path, n)
		return
	}
	for _, e := range n.entries {
		e.value.leaves(join(path, e.key), f)
	}
}

package cfn

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"stackgate/internal/plan/jsontree"
	"stackgate/internal/plan/parallel"
)

// contexts are the contexts of all changes, read ahead on all processors: most of an answer with values is contexts. They
// hold secrets until they are masked, which one after the other has to be, and are let go of as they are taken.
type contexts map[*string]readAhead

type readAhead struct {
	tree any
	err  error
}

func readContexts(d Description) contexts {
	var texts []*string
	gatherContexts(d, &texts)
	read := make([]readAhead, len(texts))
	parallel.Each(len(texts), func(i int) { read[i] = readContext(texts[i]) })
	all := make(contexts, len(texts))
	for i, text := range texts {
		all[text] = read[i]
	}
	return all
}

func gatherContexts(d Description, texts *[]*string) {
	for _, change := range d.Set.Changes {
		if c := change.ResourceChange; c != nil {
			for _, text := range []*string{c.BeforeContext, c.AfterContext, c.PreviousDeploymentContext} {
				if aws.ToString(text) != "" {
					*texts = append(*texts, text)
				}
			}
		}
	}
	for _, nested := range d.Nested {
		gatherContexts(nested, texts)
	}
}

func readContext(text *string) readAhead {
	tree, err := jsontree.Parse(*text)
	if err != nil {
		return readAhead{err: err}
	}
	return readAhead{tree: jsontree.Expand(tree)}
}

// take returns what a context holds. A text that two changes share is read again, as masking may change a tree.
func (all contexts) take(text *string) (any, error) {
	c, ahead := all[text]
	if !ahead {
		c = readContext(text)
	}
	delete(all, text)
	return c.tree, c.err
}

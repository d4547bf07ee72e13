// Package cfnsim is CloudFormation in memory, on an injected clock and with the SDK's own shapes, as BEHAVIOUR.md
// promises: a test bed and the embedded default mode.
// It is not a deployment target: nothing it creates exists anywhere.
package cfnsim

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"stackgate/internal/cfnsim/rules"
)

// Clock tells the time. The simulated world moves only when it is called, up to the clock's present.
type Clock interface{ Now() time.Time }

// Storage keeps the world of several processes. Update reads the stored bytes (nil when there are none), and stores
// what change returns; nil means unchanged. Calls exclude each other, also between processes. An error of change
// stores nothing and comes back, possibly wrapped.
type Storage interface {
	Update(ctx context.Context, change func(old []byte) (new []byte, err error)) error
}

// TemplateSource fetches the body behind a TemplateURL.
type TemplateSource interface {
	Template(ctx context.Context, url string) (string, error)
}

// Options are the simulator's dependencies. The zero value of each but Clock is usable.
type Options struct {
	// Clock is required.
	Clock Clock
	// Random seeds a new world; nil means crypto/rand. A world that is already stored keeps its own seed.
	Random io.Reader
	// Storage keeps the world; nil means this process's memory.
	Storage Storage
	// Templates fetches what TemplateURL names; nil means that no template can be fetched.
	Templates TemplateSource
	// Pace multiplies every duration; 0 means 1.
	Pace float64
	// PageSize is the number of items on a page of any list; 0 means 3 changes and 5 of everything else, small so that
	// a caller that forgets to page is noticed.
	PageSize int
	// StaleReads is how many DescribeStacks calls right after ExecuteChangeSet still answer the previous status, as
	// happens on AWS.
	StaleReads int
	// NestedTokens lets the events of nested stacks carry the request token of the root's operation. Whether AWS does
	// so is not known; without it they carry none.
	NestedTokens bool
	// MaxChangeSets is how many change sets one stack may hold; 0 means 1000. AWS publishes no number.
	MaxChangeSets int
}

// Simulator is one simulated AWS: any number of accounts and regions.
type Simulator struct {
	options Options
	catalog *rules.Catalog
	faults  faults

	mu sync.Mutex
	// world is the memory of a simulator without storage, or the decoded form of stored.
	world  *world
	stored []byte
}

// New makes a simulator. It panics on nothing and reads no storage yet.
func New(options Options) (*Simulator, error) {
	if options.Clock == nil {
		return nil, fmt.Errorf("make a CloudFormation simulator: Options.Clock is missing")
	}
	if options.Pace < 0 || options.PageSize < 0 || options.StaleReads < 0 || options.MaxChangeSets < 0 {
		return nil, fmt.Errorf("make a CloudFormation simulator: Pace, PageSize, StaleReads and MaxChangeSets must not be negative")
	}
	if options.Pace == 0 {
		options.Pace = 1
	}
	if options.MaxChangeSets == 0 {
		options.MaxChangeSets = 1000
	}
	if options.Random == nil {
		options.Random = rand.Reader
	}
	catalog, err := rules.Default()
	if err != nil {
		return nil, err
	}
	return &Simulator{options: options, catalog: catalog}, nil
}

// Client answers the CloudFormation API for one account and region.
func (s *Simulator) Client(account, region string) *Client {
	return &Client{simulator: s, account: account, region: region}
}

// pageSize is the length of a page of items.
func (s *Simulator) pageSize(standard int) int {
	if s.options.PageSize > 0 {
		return s.options.PageSize
	}
	return standard
}

// update brings the world to the present and lets change act on it. change returns whether it changed anything; when
// it returns an error it must not have.
func (s *Simulator) update(ctx context.Context, change func(w *world, now time.Time) (changed bool, err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Storage == nil {
		w, err := s.decode(nil)
		if err != nil {
			return err
		}
		now := s.now()
		w.advance(now)
		// Ids that a refused call has drawn are given back, so that it leaves no trace.
		counter := w.Counter
		if _, err = change(w, now); err != nil {
			w.Counter = counter
		}
		return err
	}
	return s.options.Storage.Update(ctx, func(old []byte) ([]byte, error) {
		w, err := s.decode(old)
		if err != nil {
			return nil, err
		}
		now := s.now()
		moved := w.advance(now)
		changed, err := change(w, now)
		if err != nil {
			s.world = nil
			return nil, err
		}
		if !moved && !changed {
			return nil, nil
		}
		encoded, err := json.Marshal(w)
		if err != nil {
			s.world = nil
			return nil, fmt.Errorf("write the simulated world: %w", err)
		}
		s.stored = encoded
		return encoded, nil
	})
}

func (s *Simulator) now() time.Time { return s.options.Clock.Now().UTC().Truncate(time.Millisecond) }

// decode returns the world that old describes. What was decoded last is used again when nobody else has written,
// because decoding a large world costs more than all else that a call does.
func (s *Simulator) decode(old []byte) (*world, error) {
	if s.world != nil && (s.options.Storage == nil || bytes.Equal(old, s.stored)) {
		return s.world, nil
	}
	w := &world{}
	if len(old) > 0 {
		if err := json.Unmarshal(old, w); err != nil {
			return nil, fmt.Errorf("read the simulated world: %w", err)
		}
		if w.Version != worldVersion {
			return nil, fmt.Errorf("read the simulated world: it has version %d and this program writes version %d; remove it to start anew", w.Version, worldVersion)
		}
	} else {
		seed := make([]byte, 16)
		if _, err := io.ReadFull(s.options.Random, seed); err != nil {
			return nil, fmt.Errorf("seed the simulated world: %w", err)
		}
		w.Version, w.Seed = worldVersion, hex.EncodeToString(seed)
	}
	w.catalog, w.pace, w.staleReads = s.catalog, s.options.Pace, s.options.StaleReads
	w.nestedTokens = s.options.NestedTokens
	s.world, s.stored = w, old
	return w, nil
}

// PutParameter stores a Parameter Store entry that templates read through AWS::SSM::Parameter::Value types. A value
// given here goes before that of a simulated AWS::SSM::Parameter resource of the same name.
func (s *Simulator) PutParameter(ctx context.Context, account, region, name, value string) error {
	return s.update(ctx, func(w *world, _ time.Time) (bool, error) {
		if w.Parameters == nil {
			w.Parameters = map[string]string{}
		}
		w.Parameters[account+"/"+region+"/"+name] = value
		return true, nil
	})
}

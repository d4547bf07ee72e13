package dynamo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"stackgate/internal/approval"
	"stackgate/internal/deployment"
	"stackgate/internal/store"
)

const decisionPrefix = "decision#"

// decisionKey hashes the person, because a name may be longer than a key.
func decisionKey(id deployment.ID, person string) key {
	sum := sha256.Sum256([]byte(store.PersonKey(person)))
	return key{recordKey(id).partition, decisionPrefix + hex.EncodeToString(sum[:])}
}

// AddDecision takes a decision in, and counts it in the record, in one transaction. A person decides once upon a
// deployment: where approval.SamePerson has decided already, that decision is returned with created false and nothing
// changes, however late it is. Otherwise the record must await decisions (store.ErrClosed where it does not, or was
// cancelled or superseded) and the decision must name its change set and review digest (store.ErrConflict).
func (s *Store) AddDecision(ctx context.Context, id deployment.ID, decision approval.Decision) (kept approval.Decision, created bool, err error) {
	if strings.TrimSpace(decision.By) == "" {
		err = errors.New("a decision needs the name of the person who takes it")
	} else {
		err = s.contended(ctx, func() (done bool, err error) {
			kept, created, done, err = s.addDecision(ctx, id, decision)
			return done, err
		})
	}
	if err != nil {
		return approval.Decision{}, false, fmt.Errorf("add the decision of %s upon %s: %w", decision.By, id, err)
	}
	return kept, created, nil
}

// addDecision reads the record before the decision and writes on condition that both are as they were, so that nothing
// slips in between.
func (s *Store) addDecision(ctx context.Context, id deployment.ID, decision approval.Decision) (kept approval.Decision, created, done bool, err error) {
	record, seen, err := read[store.Record](ctx, s, recordKey(id))
	if err != nil {
		return kept, false, false, err
	}
	kept, earlier, err := read[approval.Decision](ctx, s, decisionKey(id, decision.By))
	if !errors.Is(err, store.ErrNotFound) {
		return kept, false, err == nil, err
	}
	if err := checkDecision(record, decision); err != nil {
		return kept, false, false, err
	}
	record.DecisionCount++
	record.Version++
	counted, err := recordRow(record)
	if err != nil {
		return kept, false, false, err
	}
	taken, err := newRow(decisionKey(id, decision.By), decision)
	if err != nil {
		return kept, false, false, err
	}
	taken.more[DecisionNumber] = &types.AttributeValueMemberN{Value: strconv.Itoa(record.DecisionCount)}
	won, err := s.replaceBoth(ctx, [2]row{earlier, seen}, [2]row{taken, counted})
	if err != nil || !won {
		return kept, false, false, err
	}
	taken.write = "kept"
	kept, err = decode[approval.Decision](taken)
	return kept, err == nil, err == nil, err
}

// replaceBoth is replace for two rows that change together or not at all.
func (s *Store) replaceBoth(ctx context.Context, seen, next [2]row) (won bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	write, err := s.writeID()
	if err != nil {
		return false, err
	}
	// The token makes the transaction one however often the SDK sends it (for ten minutes).
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(write)}
	for i := range next {
		next[i].write = write
		c := unchanged(seen[i])
		in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &types.Put{
			TableName: aws.String(s.options.TableName), Item: next[i].item(), ConditionExpression: &c.expression,
			ExpressionAttributeNames: c.names, ExpressionAttributeValues: c.values,
		}})
	}
	_, err = s.options.Table.TransactWriteItems(ctx, in)
	if isLost(err) {
		return false, nil
	}
	return err == nil, s.explain(err)
}

// checkDecision says why a record does not take a decision.
func checkDecision(record store.Record, decision approval.Decision) error {
	switch {
	case record.CancelledBy != "":
		return fmt.Errorf("%s cancelled it: %w", record.CancelledBy, store.ErrClosed)
	case record.SupersededBy != "":
		return fmt.Errorf("%s superseded it: %w", record.SupersededBy, store.ErrClosed)
	case record.Stage != deployment.StageAwaiting:
		return fmt.Errorf("it is %s: %w", record.Stage, store.ErrClosed)
	case record.DecidedUpon() == "" || record.DecidedUpon() != decision.ChangeSetID:
		return fmt.Errorf("it is for the change set %q, the deployment's is %q: %w",
			decision.ChangeSetID, record.DecidedUpon(), store.ErrConflict)
	case record.Review.Digest == "" || record.Review.Digest != decision.Digest:
		return fmt.Errorf("it is for the review %q, the deployment's is %q: %w",
			decision.Digest, record.Review.Digest, store.ErrConflict)
	}
	return nil
}

// Decisions returns the decisions upon a deployment in the order in which they were taken in.
func (s *Store) Decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error) {
	decisions, err := s.decisions(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("list decisions upon %s: %w", id, err)
	}
	return decisions, nil
}

func (s *Store) decisions(ctx context.Context, id deployment.ID) ([]approval.Decision, error) {
	rows, err := s.query(ctx, recordKey(id).partition, decisionPrefix)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(numberOf(a), numberOf(b)) })
	if len(rows) > 0 && numberOf(rows[0]) < 1 {
		return nil, fmt.Errorf("a row among them has no number, so that no front door has written it: %w", store.ErrDamaged)
	}
	return decodeAll[approval.Decision](rows)
}

func numberOf(r row) int {
	value, _ := r.more[DecisionNumber].(*types.AttributeValueMemberN)
	if value == nil {
		return 0
	}
	number, err := strconv.Atoi(value.Value)
	if err != nil {
		return 0
	}
	return number
}

// decodeAll decodes rows; the result is never nil, so that it is [] in JSON.
func decodeAll[T any](rows []row) ([]T, error) {
	all := make([]T, 0, len(rows))
	for _, r := range rows {
		one, err := decode[T](r)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

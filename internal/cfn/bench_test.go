package cfn_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"stackgate/internal/cfn"
	"stackgate/internal/plan"
	"stackgate/internal/render/html"
	"stackgate/internal/render/terminal"
)

// usual filling makes a change of about 2 kB.
const usual = 100

// bigAnswer is a saved answer of n changes with values: functions, tables, roles and tagged buckets. Texts of filling bytes
// make it larger.
func bigAnswer(tb testing.TB, n, filling int) []byte {
	tb.Helper()
	type object = map[string]any
	context := func(properties object) string {
		text, err := json.Marshal(object{"Properties": properties})
		if err != nil {
			tb.Fatal(err)
		}
		return string(text)
	}
	changes := make([]object, n)
	for i := range n {
		filler := strings.Repeat("x", filling)
		id := fmt.Sprintf("Resource%04d", i)
		properties := func(side string) object {
			return object{
				"Environment": object{"Variables": object{"TABLE": "orders-" + side, "API_KEY": "secret-" + side + id, "MODE": filler}},
				"Timeout":     "30", "Description": filler,
				"Policies": []object{{"PolicyName": "p", "PolicyDocument": object{"Statement": []object{{"Effect": "Allow", "Action": []string{"s3:GetObject", "sqs:SendMessage"}, "Resource": "arn:" + id}}}}},
				"Tags":     []object{{"Key": "a", "Value": "1"}, {"Key": "cost-centre", "Value": "47" + side}},
			}
		}
		types := []string{"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::IAM::Role", "AWS::S3::Bucket"}
		details := []object{
			{"ChangeSource": "DirectModification", "Evaluation": "Static", "Target": object{"Attribute": "Properties", "Name": "Environment", "Path": "/Properties/Environment/Variables/TABLE", "RequiresRecreation": "Never", "AttributeChangeType": "Modify", "BeforeValue": "orders-10", "AfterValue": "orders-11"}},
			{"ChangeSource": "ResourceAttribute", "CausingEntity": fmt.Sprintf("Resource%04d.Arn", i/2), "Evaluation": "Dynamic", "Target": object{"Attribute": "Properties", "Name": "Description", "Path": "/Properties/Description", "RequiresRecreation": "Conditionally", "AttributeChangeType": "Modify", "BeforeValue": filler, "AfterValue": filler}},
		}
		changes[i] = object{"Type": "Resource", "ResourceChange": object{
			"Action": "Modify", "Replacement": "False", "LogicalResourceId": id, "PhysicalResourceId": "shop-" + id, "ResourceType": types[i%len(types)],
			"Scope": []string{"Properties"}, "Details": details, "BeforeContext": context(properties("10")), "AfterContext": context(properties("11")),
		}}
	}
	text, err := json.Marshal(object{"ChangeSetId": "arn:c", "StackName": "s", "Changes": changes})
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func BenchmarkReview(b *testing.B) {
	for _, n := range []int{1, 100, 500, 2000} {
		data := bigAnswer(b, n, usual)
		b.Run(fmt.Sprintf("%d changes, %d kB", n, len(data)>>10), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := cfn.LoadDescription(cfn.SavedAnswer{Name: "big.json", Data: data})
				if err != nil {
					b.Fatal(err)
				}
				r, err := cfn.Review(d, cfn.ReviewInput{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := plan.Encode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPage is what `review --file` does: from the answer to the document, and to the text or the page of it.
func BenchmarkPage(b *testing.B) {
	formats := []struct {
		name   string
		render func(w io.Writer, r plan.Review) error
	}{
		{"document and terminal", func(w io.Writer, r plan.Review) error { return terminal.Render(w, r, terminal.Options{}) }},
		{"html alone", func(w io.Writer, r plan.Review) error { return html.Render(w, r, html.Options{}) }},
	}
	for _, n := range []int{500, 2000} {
		data := bigAnswer(b, n, usual)
		made, err := fromAnswer(data)
		if err != nil {
			b.Fatal(err)
		}
		for i, format := range formats {
			b.Run(fmt.Sprintf("%s, %d changes, %d kB", format.name, n, len(data)>>10), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := made
					if i == 0 {
						if r, err = fromAnswer(data); err != nil {
							b.Fatal(err)
						}
					}
					if err := format.render(io.Discard, r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func fromAnswer(data []byte) (plan.Review, error) {
	d, err := cfn.LoadDescription(cfn.SavedAnswer{Name: "big.json", Data: data})
	if err != nil {
		return plan.Review{}, err
	}
	return cfn.Review(d, cfn.ReviewInput{})
}

func TestBigAnswers(t *testing.T) {
	const n = 4000
	data := bigAnswer(t, n, 300)
	if len(data) < 10<<20 {
		t.Fatalf("the answer has %d bytes only", len(data))
	}
	d, err := cfn.LoadDescription(cfn.SavedAnswer{Name: "big.json", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if r := review(t, d, cfn.ReviewInput{}); len(r.Items) != n {
		t.Errorf("%d items", len(r.Items))
	}
}

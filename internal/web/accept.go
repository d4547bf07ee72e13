package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"stackgate/internal/web/wire"
)

// choose picks the form of an answer by the Accept header: the offer with the highest weight, the earlier of equal ones.
func choose(r *http.Request, offers ...string) (string, error) {
	accepted := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accepted) == "" {
		return offers[0], nil
	}
	best, weight := "", 0.0
	for _, offer := range offers {
		if q := weigh(accepted, offer); q > weight {
			best, weight = offer, q
		}
	}
	if best == "" {
		return "", problem(http.StatusNotAcceptable, wire.NotAcceptable, "there is %s, and Accept takes none of it", strings.Join(offers, ", "))
	}
	return best, nil
}

// weigh returns the weight of a media type in an Accept header. The most specific range decides (RFC 9110, 12.5.1).
func weigh(accepted, offer string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	weight, specific := 0.0, -1
	for part := range strings.SplitSeq(accepted, ",") {
		media, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		fits := map[string]int{offer: 2, kind + "/*": 1, "*/*": 0}
		how, matches := fits[media]
		if !matches || how <= specific {
			continue
		}
		specific, weight = how, 1
		if q, given := parameters["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil || weight < 0 || weight > 1 {
				weight = 0
			}
		}
	}
	return weight
}

package approval

// Channel is the way by which somebody came in.
type Channel string

// The channels.
const (
	// Terminal: the command line of an embedded mode, which verifies nobody.
	Terminal Channel = "terminal"
	// API: a signed call, whose principal IAM verified.
	API Channel = "api"
)

// Channels lists every channel.
func Channels() []Channel { return []Channel{Terminal, API} }

// Source is how somebody came in, for the record. It grants nothing: what a person may do goes by the person.
type Source struct {
	// Principal is the ARN that IAM verified, and PrincipalID its unique id, which is not used again when the name is. Both
	// are empty where nobody verified one.
	Principal   string  `json:"principal,omitempty"`
	PrincipalID string  `json:"principalId,omitempty"`
	Channel     Channel `json:"channel,omitempty"`
	// Address is the IP address that the call came from.
	Address string `json:"address,omitempty"`
	// Agent is the program that called, as it names itself; at most 256 characters.
	Agent string `json:"agent,omitempty"`
}

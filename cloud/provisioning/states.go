package provisioning

// transitions is an attempt's whole life: what each step makes of a state. The
// empty state is that of an attempt that isn't there yet; final states have no
// way out.
var transitions = map[State]map[StepName]State{
	"": {
		StepIssued: Issued,
	},
	Issued: {
		StepPortalFound:           Issued,
		StepConfigurationAccepted: HandedOver,
		StepDeviceError:           Failed,
		StepOnline:                Online,
		StepExpired:               Expired,
		StepCancelled:             Cancelled,
	},
	HandedOver: {
		StepPortalFound:           HandedOver,
		StepConfigurationAccepted: HandedOver,
		StepDeviceError:           Failed,
		StepOnline:                Online,
		StepExpired:               Expired,
		StepCancelled:             Cancelled,
	},
	Failed: {
		StepPortalFound:           Failed,
		StepConfigurationAccepted: HandedOver,
		StepDeviceError:           Failed,
		StepOnline:                Online,
		StepExpired:               Expired,
		StepCancelled:             Cancelled,
	},
}

// after is the state that a step leads to; ErrEnded if none.
func (s State) after(step StepName) (State, error) {
	next, ok := transitions[s][step]
	if !ok {
		return s, ErrEnded.WithMessage("This provisioning has ended: it is %s.", s)
	}
	return next, nil
}

// reportable tells whether a wizard may report the step; the others are the cloud's.
func (n StepName) reportable() bool {
	return n == StepPortalFound || n == StepConfigurationAccepted || n == StepDeviceError
}

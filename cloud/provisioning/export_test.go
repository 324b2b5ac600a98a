package provisioning

// SetTokens has the service take its tokens from next.
func (s *Service) SetTokens(next func() string) { s.newToken = next }

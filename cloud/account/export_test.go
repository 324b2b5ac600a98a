package account

// BeforeHash has f called before each hash of the service's, with what it takes
// in KiB and passes, while it holds a place.
func (s *Service) BeforeHash(f func(memory, passes uint32)) {
	derive := s.hasher.derive
	s.hasher.derive = func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
		f(memory, passes)
		return derive(password, salt, passes, memory, lanes, size)
	}
}

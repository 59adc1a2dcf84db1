package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// endpoint is an address that httpd listens on.
type endpoint struct {
	addr   string // host:port
	secure bool   // with TLS
	flag   string // that gives its port
}

// base is a URL of it that a client on this machine can open, without a slash at its end.
func (e endpoint) base() string {
	if e.secure {
		return "https://" + reachable(e.addr)
	}
	return "http://" + reachable(e.addr)
}

// bases are all URLs that clients may use: where it listens on every address of the machine, one for each.
func (e endpoint) bases() []string {
	bases := []string{e.base()}
	host, port, err := net.SplitHostPort(e.addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return bases
	}
	for _, ip := range machineIPs(host) {
		bases = append(bases, endpoint{addr: net.JoinHostPort(ip.String(), port), secure: e.secure}.base())
	}
	return bases
}

// machineIPs are the addresses of the machine, without those that only itself can reach, that listening on a host which
// stands for all of them takes in.
func machineIPs(host string) (ips []net.IP) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // localhost is left
	}
	v6 := net.ParseIP(host).To4() == nil
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && (v6 || network.IP.To4() != nil) {
			ips = append(ips, network.IP)
		}
	}
	return ips
}

// chooseEndpoints checks that httpd can listen where the flags say, and chooses ports where they are 0.
func (s *serveSite) chooseEndpoints() ([]endpoint, error) {
	ports := []endpoint{{secure: s.options.secureOnly(), flag: "--port"}}
	numbers := []int{s.options.port}
	if s.options.plainToo {
		ports = append(ports, endpoint{secure: true, flag: "--https-port"})
		numbers = append(numbers, s.options.httpsPort)
		if s.options.port == s.options.httpsPort && s.options.port != 0 {
			return nil, fmt.Errorf("--port and --https-port are both %d: give two different ones, or only --https for TLS alone", s.options.port)
		}
	}
	own := s.servesAlready()
	for i := range ports {
		if own && numbers[i] != 0 {
			// The folder's own server holds the port; it takes the new configuration at its next restart.
			ports[i].addr = net.JoinHostPort(s.options.host, strconv.Itoa(numbers[i]))
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(s.options.host, strconv.Itoa(numbers[i])))
		if err != nil {
			return nil, listenError(s.options.host, numbers[i], ports[i].flag, err)
		}
		defer listener.Close() // after the last, so that no free port is chosen twice
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports[i].addr = net.JoinHostPort(s.options.host, port)
	}
	return ports, nil
}

// servesAlready tells whether a folder is set up anew whose server runs, which is how a new build gets there.
func (s *serveSite) servesAlready() bool {
	if !s.options.setupOnly {
		return false
	}
	_, runs := runningIn(s.options.workDir)
	return runs
}

func listenError(host string, port int, flag string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d of %s is taken by another program: stop that one, or choose another port with %s (0 is a free one)", port, host, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("only root may listen on port %d: choose one of 1024 or above with %s", port, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no address %s: give one that it has with --host", host)
	}
	return fmt.Errorf("cannot listen on %s port %d (--host, %s): %w", host, port, flag, err)
}

// reachable is an address that a browser on this machine can open.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

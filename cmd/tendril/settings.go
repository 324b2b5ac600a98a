package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// configVersion is the newest version of a configuration file that this program
// knows; a file without a version is of the first.
const configVersion = 1

// variablePrefix begins the name of every variable.
const variablePrefix = "TENDRIL_"

// environment is the variables of the process.
type environment map[string]string

func newEnvironment(pairs []string) environment {
	env := environment{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

// settingError is what is wrong with a variable or a configuration file.
type settingError struct {
	where   string // a variable's name, or a file and line
	problem string
}

func (e *settingError) Error() string { return e.where + ": " + e.problem }

// settings finds the values of flags that weren't given: in a variable, then in
// the configuration file. It is a kong.Resolver.
//
// A setting of the cloud, that is a flag of serve or one for all commands, is
// both a variable and a key of the file. Other flags have a variable where their
// field's tag names one.
type settings struct {
	env       environment
	variables map[*kong.Flag]string
	keys      map[string]*kong.Flag
	file      map[string]entry
}

// entry is a key's value in the configuration file.
type entry struct {
	where string
	value string
}

// notKeys are flags for all commands that are no settings.
var notKeys = map[string]bool{"help": true, "config": true, "json": true}

// bind learns the flags of the model.
func (s *settings) bind(model *kong.Application) {
	s.variables, s.keys = map[*kong.Flag]string{}, map[string]*kong.Flag{}
	_ = kong.Visit(model.Node, func(visited kong.Visitable, next kong.Next) error {
		if flag, ok := visited.(*kong.Flag); ok && flag.Tag.Has("variable") {
			s.variables[flag] = flag.Tag.Get("variable")
		}
		return next(nil)
	})
	for _, flag := range settingFlags(model) {
		s.variables[flag] = variablePrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		s.keys[flag.Name] = flag
	}
}

// settingFlags are the flags that configure the cloud.
func settingFlags(model *kong.Application) []*kong.Flag {
	var flags []*kong.Flag
	for _, flag := range model.Flags {
		if !notKeys[flag.Name] {
			flags = append(flags, flag)
		}
	}
	return append(flags, findNode(model.Node, "serve").Flags...)
}

func findNode(of *kong.Node, name string) *kong.Node {
	for _, child := range of.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

func findFlag(of *kong.Node, name string) *kong.Flag {
	for _, flag := range of.Flags {
		if flag.Name == name {
			return flag
		}
	}
	return nil
}

// describe is a value's help, with its default where a placeholder hides it, and
// its variable.
func (s *settings) describe(value *kong.Value) string {
	help := value.Help
	if value.Flag == nil {
		return help
	}
	if value.HasDefault && value.Default != "" && value.Flag.PlaceHolder != "" && !strings.Contains(help, "Default: ") {
		help += " Default: " + value.Default + "."
	}
	if variable := s.variables[value.Flag]; variable != "" {
		help += " [$" + variable + "]"
	}
	return help
}

// load reads the configuration file that was named, and offers it and the
// variables for the flags that weren't given.
func (s *settings) load(ctx *kong.Context) error {
	config := findFlag(ctx.Model.Node, "config")
	path, _ := ctx.FlagValue(config).(string)
	if path == "" {
		path = s.env[s.variables[config]]
	}
	if path != "" {
		if err := s.read(path); err != nil {
			return err
		}
	}
	ctx.AddResolver(s)
	return nil
}

// Validate implements kong.Resolver.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if name := s.variables[flag]; name != "" && s.env[name] != "" {
		return checked(flag, entry{name, s.env[name]})
	}
	if found, ok := s.file[flag.Name]; ok && s.keys[flag.Name] == flag {
		return checked(flag, found)
	}
	return nil, nil
}

// checked refuses a value that the flag doesn't take, saying where it is from.
func checked(flag *kong.Flag, found entry) (any, error) {
	scratch := reflect.New(flag.Target.Type()).Elem()
	err := flag.Parse(kong.Scan().PushTyped(found.value, kong.FlagValueToken), scratch)
	if err == nil && flag.Enum != "" && !flag.EnumMap()[found.value] {
		err = fmt.Errorf("must be one of %s", strings.Join(strings.Split(flag.Enum, ","), ", "))
	}
	if err != nil {
		problem := strings.TrimPrefix(err.Error(), flag.ShortSummary()+": ")
		return nil, &settingError{found.where, problem}
	}
	return found.value, nil
}

// read takes in a configuration file.
func (s *settings) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return &settingError{path, "the configuration file can't be read: " + inner(err)}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			return &settingError{fmt.Sprintf("%s:%d", path, syntax.Token.Position.Line), "this is not YAML: " + syntax.Message}
		}
		return &settingError{path, "this is not YAML"}
	}
	s.file = map[string]entry{}
	for i, document := range file.Docs {
		if i > 0 {
			return &settingError{path, "the configuration file holds more than one document"}
		}
		if err := s.take(path, document.Body); err != nil {
			return err
		}
	}
	return nil
}

// inner is the innermost part of what the system said, without what is told
// already.
func inner(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

func (s *settings) take(path string, body ast.Node) error {
	var pairs []*ast.MappingValueNode
	switch node := body.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
	case *ast.MappingNode:
		pairs = node.Values
	case *ast.MappingValueNode:
		pairs = append(pairs, node)
	default:
		return &settingError{path, "the configuration file must hold lines of the form key: value"}
	}
	if err := checkVersion(path, pairs); err != nil {
		return err
	}
	for _, pair := range pairs {
		key, where := position(path, pair)
		if key == "version" {
			continue
		}
		if s.keys[key] == nil {
			return &settingError{where, fmt.Sprintf("there is no setting %q. See tendril serve --help", key)}
		}
		value, given, ok := scalar(pair.Value)
		if !ok {
			return &settingError{where, fmt.Sprintf("%s takes a value, or a list of values", key)}
		}
		if given {
			s.file[key] = entry{where, value}
		}
	}
	return nil
}

func position(path string, pair *ast.MappingValueNode) (key, where string) {
	token := pair.Key.GetToken()
	return token.Value, fmt.Sprintf("%s:%d", path, token.Position.Line)
}

// checkVersion comes before anything else of the file: what a newer program
// wrote, this one may not understand.
func checkVersion(path string, pairs []*ast.MappingValueNode) error {
	for _, pair := range pairs {
		key, where := position(path, pair)
		if key != "version" {
			continue
		}
		value, _, _ := scalar(pair.Value)
		version, err := strconv.ParseUint(value, 10, 31)
		switch {
		case err != nil || version == 0:
			return &settingError{where, fmt.Sprintf("version must be a number from 1 to %d", configVersion)}
		case version > configVersion:
			return &settingError{where, fmt.Sprintf("the configuration file has version %d; this Tendril knows up to %d. Use a newer one", version, configVersion)}
		}
	}
	return nil
}

// scalar is a YAML value as it would be typed for a flag; given is false for
// null.
func scalar(node ast.Node) (value string, given, ok bool) {
	switch n := node.(type) {
	case *ast.NullNode:
		return "", false, true
	case *ast.StringNode:
		return n.Value, true, true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true, true
	case *ast.SequenceNode:
		parts := []string{}
		for _, each := range n.Values {
			part, given, ok := scalar(each)
			if _, nested := each.(*ast.SequenceNode); !ok || !given || nested {
				return "", false, false
			}
			parts = append(parts, part)
		}
		return kong.JoinEscaped(parts, ','), true, true
	}
	return "", false, false
}

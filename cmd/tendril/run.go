package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/tendril-iot/tendril/cloud"
	"github.com/tendril-iot/tendril/cloud/fault"
	"github.com/tendril-iot/tendril/wizard"
)

// The exit codes that all commands share; provision has more.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it for SIGINT
)

// globals stand anywhere after the subcommand.
type globals struct {
	Data      string   `placeholder:"DIR" help:"The cloud's data directory."`
	JSON      bool     `name:"json" help:"Print nothing but JSON on standard output: the objects of the HTTP API."`
	LogLevel  string   `enum:"debug,info,warn,error" default:"info" help:"What is logged on standard error: debug, info, warn or error."`
	LogFormat string   `enum:"text,json" default:"text" help:"How: text or json."`
	Config    string   `placeholder:"FILE" variable:"TENDRIL_CONFIG" help:"A YAML file of settings. A flag counts before a variable, and a variable before the file."`
	Help      helpFlag `short:"h" help:"Show what a command does and takes."`
}

// commands is the whole command line.
type commands struct {
	globals

	Serve        serveCommand        `cmd:"" help:"Run the cloud."`
	Demo         demoCommand         `cmd:"" help:"See the whole story, from the box to the cloud, on free ports of this machine."`
	Account      accountCommands     `cmd:"" help:"Make, list and delete accounts, set passwords."`
	Product      productCommands     `cmd:"" help:"Describe products."`
	Firmware     firmwareCommands    `cmd:"" help:"Make firmware projects for products."`
	Device       deviceCommands      `cmd:"" help:"Look at devices and write to them; run a virtual one."`
	Provisioning provisioningCommand `cmd:"" help:"Look at attempts to bring devices online."`
	Key          keyCommands         `cmd:"" help:"Make, list and revoke API keys."`
	Provision    provisionCommand    `cmd:"" help:"Bring a device online: the installer's wizard."`
	Conformance  conformanceCommand  `cmd:"" help:"Judge a device: its portal and its side of the wire protocol."`
	Version      versionCommand      `cmd:"" help:"Show the version."`
	Completion   completionCommand   `cmd:"" help:"Print a shell's completion script."`
}

// shell is what a command has around it.
type shell struct {
	globals
	stdin          io.Reader
	stdout, stderr io.Writer
	env            environment
	log            *slog.Logger
	model          *kong.Application
}

// helpFlag prints help where it is found, before anything else is checked.
type helpFlag bool

var errHelped = errors.New("help was shown")

// BeforeReset implements kong's hook.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	return errors.Join(ctx.PrintUsage(false), errHelped)
}

// exitError ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage is an error of whoever typed the command.
func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// newParser builds the command line's model. What it shows goes to out.
func newParser(grammar *commands, settings *settings, out io.Writer) (*kong.Kong, error) {
	grammar.setDefaults(cloud.Options{}.WithDefaults())
	return kong.New(grammar,
		kong.Name("tendril"),
		kong.Description("Takes a WiFi product from its box onto its owner's network and into the cloud."),
		kong.Vars{"portal": wizard.DefaultPortal},
		kong.NoDefaultHelp(),
		kong.Writers(out, out),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ValueFormatter(settings.describe),
		kong.PostBuild(func(k *kong.Kong) error {
			k.Model.HelpFlag = findFlag(k.Model.Node, "help")
			if err := showDefaults(k.Model); err != nil {
				return err
			}
			settings.bind(k.Model)
			return nil
		}),
		kong.WithBeforeResolve(settings.load),
	)
}

// Run is the program: it runs the command that args name and returns the exit
// code. env holds "NAME=value" strings.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	err := run(ctx, args, stdin, stdout, stderr, newEnvironment(env))
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "tendril: "+sentence(err))
	var exit *exitError
	var refusal *fault.Error
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &refusal) && refusal.Kind == fault.Invalid:
		return exitUsage
	}
	return exitFailure
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env environment) error {
	var grammar commands
	parser, err := newParser(&grammar, &settings{env: env}, stdout)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if errors.Is(err, errHelped) {
		return nil
	}
	if err != nil {
		return badUsage(parser.Model, err)
	}
	s := &shell{globals: grammar.globals, stdin: stdin, stdout: stdout, stderr: stderr, env: env, model: parser.Model}
	s.log = newLog(stderr, s.LogLevel, s.LogFormat)
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(s)
}

// badUsage says what was typed wrong and where to read on.
func badUsage(model *kong.Application, err error) error {
	var setting *settingError
	if errors.As(err, &setting) {
		return &exitError{exitUsage, setting}
	}
	command := model.Name
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if selected := parse.Context.Selected(); selected != nil {
			command = selected.FullPath()
		}
	}
	return usage("%s. See %s --help", strings.TrimSuffix(err.Error(), "."), command)
}

func newLog(out io.Writer, level, format string) *slog.Logger {
	var threshold slog.Level
	_ = threshold.UnmarshalText([]byte(level)) // the flag takes these alone
	options := &slog.HandlerOptions{Level: threshold}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// sentence is an error on one line: what happened, and what to do.
func sentence(err error) string {
	text := err.Error()
	var refusal *fault.Error
	var problem *wizard.Problem
	switch {
	case errors.As(err, &refusal):
		text = strings.TrimSpace(refusal.Message + " " + refusal.Hint)
		if cause := errors.Unwrap(refusal); cause != nil && !strings.Contains(text, inner(cause)) {
			text += " (" + inner(cause) + ")"
		}
	case errors.As(err, &problem):
		text = problem.Error()
	}
	text = strings.Join(strings.Fields(text), " ")
	if text != "" && !strings.ContainsAny(text[len(text)-1:], ".!?)") {
		text += "."
	}
	return text
}

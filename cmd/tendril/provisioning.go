package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

type provisioningCommand struct {
	List   provisioningList   `cmd:"" help:"List attempts, newest first."`
	Show   provisioningShow   `cmd:"" help:"Show an attempt with its timeline."`
	Cancel provisioningCancel `cmd:"" help:"Cancel an attempt; its token dies."`
}

// provisioningDoc is an attempt as the API shows it.
type provisioningDoc struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	Code       int       `json:"code"`
	ProductID  string    `json:"product_id"`
	DeviceID   string    `json:"device_id"`
	DeviceName string    `json:"device_name"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Timeline   []struct {
		At     time.Time `json:"at"`
		Step   string    `json:"step"`
		Code   int       `json:"code"`
		Detail string    `json:"detail"`
	} `json:"timeline"`
}

// code is an error code for people; 0 is none.
func code(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}

type provisioningList struct{}

// Run lists attempts.
func (provisioningList) Run(ctx context.Context, s *shell) error {
	return list(ctx, s, path("provisionings"), nil, "There are no provisionings.",
		[]string{"ID", "STATE", "CODE", "PRODUCT", "DEVICE", "CREATED"}, func(p provisioningDoc) []string {
			return []string{p.ID, p.State, code(p.Code), p.ProductID, p.DeviceID, when(&p.CreatedAt)}
		})
}

type provisioningShow struct {
	ID string `arg:"" help:"The attempt's id."`
}

// Run shows the attempt.
func (c *provisioningShow) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodGet, path("provisionings", c.ID), nil, func(p provisioningDoc) error {
		if err := s.facts([2]string{"id", p.ID}, [2]string{"state", p.State}, [2]string{"code", code(p.Code)}, [2]string{"product", p.ProductID},
			[2]string{"device", p.DeviceID}, [2]string{"name", p.DeviceName}, [2]string{"expires", when(&p.ExpiresAt)}); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(s.stdout); err != nil {
			return err
		}
		var rows [][]string
		for _, step := range p.Timeline {
			rows = append(rows, []string{when(&step.At), step.Step, code(step.Code), step.Detail})
		}
		return s.table("Its timeline is empty.", []string{"AT", "STEP", "CODE", "DETAIL"}, rows)
	})
}

type provisioningCancel struct {
	ID string `arg:"" help:"The attempt's id."`
}

// Run cancels the attempt.
func (c *provisioningCancel) Run(ctx context.Context, s *shell) error {
	return show(ctx, s, http.MethodDelete, path("provisionings", c.ID), nil, func(struct{}) error {
		return s.say("Cancelled the provisioning %s.", c.ID)
	})
}

package bench

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// The size of a plot.
const (
	plotWidth  = 20 * vg.Centimeter
	plotHeight = 12 * vg.Centimeter
)

// plot draws the median of the CPU time of each peer, with the quartiles as error bars.
func (s MeasuredSweep) plot(path string) error {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = color.White // for readers whose page is dark
	p.Title.Text = s.Title
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text, p.Y.Label.Text = s.What, "us for a request"
	p.X.Tick.Marker = ticksAt(s.Values)
	if s.Logarithmic {
		p.X.Scale = plot.LogScale{}
	}
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding, p.Legend.XOffs = vg.Points(3), vg.Points(6)
	for i, line := range s.Lines {
		points := make(plotter.XYs, len(s.Values))
		bars := make(plotter.YErrors, len(s.Values))
		for j, value := range s.Values {
			spread := line.Series[j].Spread(CPU)
			points[j].X, points[j].Y = float64(value), spread.Median
			bars[j].Low, bars[j].High = spread.Median-spread.Low, spread.High-spread.Median
		}
		course, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		errorBars, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{points, bars})
		if err != nil {
			return err
		}
		course.Color, marks.Color, errorBars.Color = plotutil.Color(i), plotutil.Color(i), plotutil.Color(i)
		marks.Shape = plotutil.Shape(i)
		p.Add(course, marks, errorBars)
		p.Legend.Add(line.Peer.Title, course, marks)
	}
	if s.Magnitudes {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		// Whole decades, the upper one with room for the legend.
		p.Y.Min, p.Y.Max = math.Pow10(int(math.Floor(math.Log10(p.Y.Min)))), math.Pow10(int(math.Ceil(math.Log10(p.Y.Max)))+1)
	} else {
		p.Y.Min, p.Y.Max = 0, p.Y.Max*1.35 // room for the legend
		p.Y.Tick.Marker = plot.TickerFunc(evenTicks)
	}
	return p.Save(plotWidth, plotHeight, path)
}

// ticksAt labels the values that were measured.
func ticksAt(values []int) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for _, v := range values {
		label := strconv.Itoa(v)
		if v >= kilobyte {
			label = sizeName(v)
		}
		ticks = append(ticks, plot.Tick{Value: float64(v), Label: label})
	}
	return ticks
}

// evenTicks labels some five round numbers from 0 on.
func evenTicks(_, highest float64) []plot.Tick {
	step := math.Pow10(int(math.Floor(math.Log10(highest / 2))))
	for _, factor := range []float64{5, 2} {
		if highest/(step*factor) >= 4 {
			step *= factor
			break
		}
	}
	var ticks []plot.Tick
	for v := 0.0; v <= highest; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(v)})
	}
	return ticks
}
